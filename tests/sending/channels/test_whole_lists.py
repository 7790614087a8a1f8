"""The law of lists: each service gets every name, or as many as it takes and how many more.

Never a part of a name, and never more than the service says it takes.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager

from service.sending.channels import OutgoingMessage
from service.sending.channels.chat import ChatChannel
from service.sending.channels.chat_url import ALLOWED
from service.sending.templates.fitting import Wording, fitting
from service.sending.templates.templates import Templates
from tests.chat_room import room_channel
from tests.sending.channels.chat_services import URLS, WITHOUT_HTTP, Services

MANY = 500
"""No list names more."""
MARKUP = [
    "O'Neil & Söhne",
    "*Ada* _L_",
    "<b>Bo</b> [x](y)",
    "李小龍",
    "👩🏽‍🚀 \U0001f1e9\U0001f1ea",
    'क्षमा "k" \\',
]
LISTS = {
    "says more": "{% for item in items %}\n* {{ item.learner.name }}\n{% endfor %}\n"
    "{% if more %}and {{ more }} more{% endif %}",
    "knows of no limit": "New:\n{% for item in items %}\n* {{ item.learner.name }}\n{% endfor %}",
    "others": "{% for title in others %}\n* {{ title }}\n{% endfor %}",
}
BYTES = {
    "ntfy": 4096, "wecombot": 2048, "threema": 3500, "webex": 7439, "pushy": 4096, "bark": 4096,
    "onesignal": 4096,
}  # fmt: skip
"""What these say they take, in bytes of the text."""
REQUEST = {"dingtalk": 20_000, "feishu": 20_000, "lark": 20_000, "workflows": 28_000}
"""What these say they take, in bytes of the request's text as JSON."""
CHARACTERS = {
    "discord": 2_000, "mmost": 16_383, "tgram": 4_096, "slack-blocks": 3_000, "slack": 40_000,
    "line": 5_000, "zulip": 10_000, "pover": 1_024, "mastodon": 500,
}  # fmt: skip


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    with Services(monkeypatch) as services:
        yield services


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("templates")
    for name, body in LISTS.items():
        place = folder / name.replace(" ", "_") / "chat"
        place.mkdir(parents=True)
        (place / "body.txt").write_text(body)
        (place / "subject.txt").write_text("Finished *since* the last <list> & before the next")
    return Templates(folder)


def name_of(number: int) -> str:
    return f"P{number:04d} {MARKUP[number % len(MARKUP)]} E{number:04d}"


def values_of(count: int, more: int = 0) -> dict[str, Any]:
    items = [{"learner": {"name": name_of(number)}} for number in range(count)]
    return {"items": items, "others": [], "more": more}


def most_that_fit(channel: ChatChannel, wording: Wording) -> int:
    """How many a room takes without a word on more."""
    least, most = 0, MANY
    while least < most:
        middle = (least + most + 1) // 2
        whole = channel.fits(wording.said(values_of(middle), "items"))
        least, most = (middle, most) if whole else (least, middle - 1)
    return least


def test_every_service_that_is_accepted_is_tried() -> None:
    manager = NotificationManager()
    manager.load_modules()
    known = {schema: manager[schema] for schema in ALLOWED if schema in manager.schemas()}
    tried = {type(ChatChannel("room", url)._plugin) for url in URLS.values()}
    assert {known[schema] for schema in WITHOUT_HTTP} == set(known.values()) - tried


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        *((service, "says_more") for service in URLS),
        *((service, "knows_of_no_limit") for service in ("mmost", "tgram", "pushed", "ntfy")),
    ],
)
def test_a_room_gets_all_names_or_how_many_more(
    services: Services, words: Templates, outgoing: Callable[..., OutgoingMessage], service: str,
    kind: str,
) -> None:  # fmt: skip
    channel = room_channel(URLS[service])
    wording = Wording(words, kind, "chat", None)
    whole = most_that_fit(channel, wording)
    for count in sorted({1, whole, min(whole + 1, MANY), MANY} - {0}):
        services.texts.clear()
        message = fitting(wording, values_of(count), channel.fits)
        channel.send(outgoing(address=None, name=None, message=message))

        told = [text for text in services.texts if re.search(r"P\d{4}|and \d+ more", text)]
        assert told, "nothing was posted"
        text = max(told, key=len)
        named = re.findall(r"P(\d{4})", text)
        assert named == re.findall(r"E(\d{4})", text), "a name is cut"
        assert named == [f"{number:04d}" for number in range(len(named))]
        more = [int(found) for found in re.findall(r"and (\d+) more", text)]
        assert more == ([count - len(named)] if len(named) < count else [])
        assert len(named) == min(count, whole) or count > whole
        assert count <= whole or not channel.fits(
            wording.said({**values_of(len(named) + 1), "more": count - len(named) - 1}, "items")
        ), "more would have fitted"
        assert len(text.encode()) <= BYTES.get(service, 10**6)
        assert len(json.dumps(text)) <= REQUEST.get(service, 10**6)
        assert len(text.encode("utf-16-le")) // 2 <= CHARACTERS.get(service, 10**6)
