"""A body that the API or a page waits for has an end, and a stranger's is not waited for."""

import asyncio
import logging

import pytest

from service.api.framework import request
from service.incoming.webhook import Bodies
from tests.api.test_watchers_api import FORM, LIST, TOKEN
from tests.api.test_watchers_api import client as client
from tests.api.test_watchers_api import office as office
from tests.api.test_watchers_api import path as path
from tests.api.test_watchers_api import visitor as visitor

FORM_HEAD = [(name.lower().encode(), value.encode()) for name, value in FORM.items()]
JSON_HEAD = [
    (b"content-type", b"application/json"),
    (b"authorization", b"Bearer " + TOKEN.encode()),
]


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(request, "BODIES", Bodies(4_096, 65_536, 0.05))


def answer(site, path, headers, *messages):
    """The status with which a POST is answered that brings these messages, and then nothing."""
    coming, sent = list(messages), []

    async def receive():
        return coming.pop(0) if coming else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("192.0.2.7", 1), "state": {},
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(site(scope, receive, send), 10))
    return sent[0]["status"]


PART = {"type": "http.request", "body": b"do=", "more_body": True}
GONE = {"type": "http.disconnect"}


def test_half_a_body_is_waited_for_a_while(client, path):
    assert answer(client.app, path, FORM_HEAD, PART) == 408
    assert answer(client.app, LIST, JSON_HEAD, PART) == 408
    assert answer(client.app, path, FORM_HEAD) == 408


def test_a_link_that_is_none_of_ours_is_answered_before_any_of_the_body(client, path):
    assert answer(client.app, path[:-4] + "AAAA", FORM_HEAD) == 404
    assert answer(client.app, "/watch/x", FORM_HEAD) == 404


def test_who_shows_no_token_is_answered_before_any_of_the_body(client):
    assert answer(client.app, LIST, JSON_HEAD[:1]) == 401


def test_who_hangs_up_in_the_middle_writes_no_log(client, path, caplog):
    with caplog.at_level(logging.INFO):
        answer(client.app, path, FORM_HEAD, PART, GONE)
        answer(client.app, LIST, JSON_HEAD, PART, GONE)

    assert not caplog.records
