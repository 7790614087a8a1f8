"""What a connection of ours is held to, whoever makes the request, and how long one is to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest
import requests

from service.network.bounded_http import Bounds, bounded_session, retry_after
from tests.endless import Endless
from tests.waiting import until

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SOON = format_datetime(NOW + timedelta(seconds=90), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("10.752", 10.752),
        ("0", 0.0),
        ("120", 120.0),
        ("999999", 3600.0),
        (SOON, 90.0),
        *((odd, None) for odd in ("soon", "-5", "nan", "inf", "", "Mon, 99 Foo")),
    ],
)
def test_how_long_to_wait_is_read_in_every_form(asked: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": asked}, NOW) == seconds
    later = NOW + timedelta(days=1)
    dated = {"Retry-After": asked, "Date": format_datetime(NOW, usegmt=True)}
    assert retry_after(dated, later) == seconds


@pytest.mark.parametrize(
    ("again", "bounds"),
    [
        pytest.param(b"", {"until": 60}, id="silence, for as long as one read takes"),
        pytest.param(b"x", {"until": 0.4}, id="dripped, until the end of all"),
        pytest.param(b"x", {"until": 60, "answer_seconds": 0.4}, id="dripped, its own time"),
        pytest.param(b"x", {"until": 60, "answer_bytes": 60}, id="as many bytes as it may have"),
    ],
)
def test_an_answer_ends_by_each_of_its_bounds(again: bytes, bounds: dict[str, float]) -> None:
    begun = monotonic()
    told = bounds | {"until": begun + bounds["until"]}
    with Endless(b"HTTP/1.1 200 OK\r\n\r\nfirst", again, pause=0.02) as peer:
        with bounded_session(Bounds(**told)) as session, pytest.raises(requests.RequestException):
            session.get(f"http://127.0.0.1:{peer.port}/", timeout=(5, 0.4))
        until(lambda: peer.gone == peer.connections == 1, "it is let go")
    assert monotonic() - begun < 5
