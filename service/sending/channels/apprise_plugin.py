"""Use apprise's services: read their URLs without a word, watch what they post, and how much."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, OverflowMode
from apprise.plugins import url_to_dict
from apprise.plugins.email import NotifyEmail
from apprise.utils.parse import parse_url
from urllib3.exceptions import MaxRetryError, NewConnectionError

LOGGER = logging.getLogger("apprise")


def asset(seconds: float = 60.0) -> AppriseAsset:
    """Return how apprise presents us: our name, no pictures, no redirects, `seconds` a call."""
    return AppriseAsset(
        app_id="Coursebell",
        app_desc="Coursebell",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        default_service_retry=0,
        service_timeout=seconds,
    )


def plugin_at(url: str, how: AppriseAsset) -> NotifyBase | None:
    """Return apprise's reading of a URL, None when it has none."""
    with _silence():
        return Apprise.instantiate(url, asset=how)


def mail_plugin_at(url: str, how: AppriseAsset) -> NotifyBase | None:
    """Read a mail server's URL as `plugin_at`, without loading the other 170 services first.

    Measured: 0.75 s of CPU at every start, which Adobe would wait for its first 202.
    """
    mail: Any = NotifyEmail
    with _silence():
        read = mail.parse_url(url)
        try:
            found: NotifyBase | None = mail(**read, asset=how) if read else None
        except TypeError:
            return None
    return found


def service_reading(url: str) -> dict[str, Any] | None:
    """Return what the service of a URL makes of it, without the parameters as such."""
    service: Any = url_to_dict
    with _silence():
        read = service(url)
    return {k: v for k, v in read.items() if k != "url" and k[:3] != "qsd"} if read else None


def generic_reading(url: str) -> dict[str, Any] | None:
    """Return the parts every service of apprise begins with, None when it finds none.

    Names and forms are apprise's: `user`, `password`, `host`, `port`, `fullpath`, `qsd`.
    """
    every: Any = parse_url
    read: dict[str, Any] | None = every(url, verify_host=False)
    return read


@contextmanager
def _silence() -> Iterator[None]:
    """Keep apprise's complaints about a URL out of the log: they quote it, secrets and all."""
    LOGGER.addFilter(_nothing)
    try:
        yield
    finally:
        LOGGER.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


RETRY_AFTER_MAX = 3600.0

Exchange = requests.Response | requests.RequestException

# A list reaches the thread apprise sends from: it copies the caller's context.
_exchanges: ContextVar[list[Exchange] | None] = ContextVar("exchanges", default=None)
_send = requests.Session.send


def _watched_send(
    session: requests.Session, request: requests.PreparedRequest, **options: Any
) -> requests.Response:
    exchanges = _exchanges.get()
    if exchanges is None:
        return _send(session, request, **options)
    options["allow_redirects"] = False
    try:
        response = _send(session, request, **options)
    except requests.RequestException as error:
        exchanges.append(error)
        raise
    exchanges.append(response)
    return response


requests.Session.send = _watched_send  # type: ignore[method-assign, assignment]


@contextmanager
def watching() -> Iterator[list[Exchange]]:
    """Collect the answers to all HTTP requests made here, and follow no redirect."""
    exchanges: list[Exchange] = []
    token = _exchanges.set(exchanges)
    try:
        yield exchanges
    finally:
        _exchanges.reset(token)


def never_left(error: requests.RequestException) -> bool:
    """Tell whether a request failed before anything of it could be sent."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def retry_after(response: requests.Response, now: datetime) -> float | None:
    """Return the seconds a service asked us to wait, at most an hour (RFC 9110 §10.2.3).

    `now` (aware) counts for a date when the response has no Date of its own.
    """
    asked = response.headers.get("Retry-After", "").strip()
    seconds = _seconds(asked)
    if seconds is None:
        until, since = _time(asked), _time(response.headers.get("Date", "")) or now
        seconds = (until - since).total_seconds() if until else None
    return min(seconds, RETRY_AFTER_MAX) if seconds is not None and seconds >= 0 else None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if isfinite(seconds) else None


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo else None


class Posted(NamedTuple):
    """Hold title and body as a service is handed them: escaped, in its own markup."""

    title: str
    body: str


def as_posted(service: Any, title: str, body: str) -> Posted:
    """Return what would be posted to the one room of `service`; nothing leaves.

    apprise has no public call for it: it converts and sends in one.
    """
    made: Any = service._create_notify_calls(body=body, title=title, body_format=NotifyFormat.TEXT)
    ((plugin, words),) = (call for calls in made for call in calls)
    (handed,) = plugin._build_send_calls(**words, overflow=OverflowMode.UPSTREAM)
    return Posted(handed["title"], handed["body"])


def utf16(text: str) -> int:
    """Count as JavaScript, Telegram and LINE do; no service counts characters as more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8(text: str) -> int:
    """Count bytes."""
    return len(text.encode("utf-8", "surrogatepass"))


def escaped(text: str) -> int:
    """Count bytes as apprise writes JSON, every letter beyond ASCII as an escape."""
    return len(json.dumps(text))


def in_a_url(text: str) -> int:
    """Count bytes as apprise puts a text into a query; web servers take URLs of 8,000."""
    return len(quote(text))


Limit = tuple[Callable[[str], int], int]

LIMITS: dict[str, tuple[Limit, ...]] = {
    "bark": ((utf8, 3_500),),
    "dingtalk": ((escaped, 19_500),),
    "join": ((in_a_url, 7_000),),
    "feishu": ((escaped, 19_500),),
    "lark": ((escaped, 19_500),),
    "matrix": ((utf8, 30_000),),
    "ntfy": ((utf8, 4_096), (escaped, 7_800)),
    "onesignal": ((utf8, 3_500),),
    "pushme": ((in_a_url, 7_000),),
    "pushy": ((utf8, 3_500),),
    "threema": ((utf8, 3_500), (in_a_url, 7_000)),
    "vapid": ((utf8, 3_500),),
    "wecombot": ((utf8, 2_048),),
    "wxteams": ((utf8, 7_439),),
}
"""What services take that count bytes, by one of their schemes; apprise counts characters.

DingTalk and Feishu take requests of 20,000 bytes, a Matrix event may have 65,536 and holds the
words up to twice, ntfy makes an attachment of what is longer than 4,096 bytes, Apple, Google and
browsers push 4,096 bytes with all that goes with them, Threema takes 3,500, WeCom 2,048 and
Webex 7,439 (their API references).
"""
BETWEEN_TITLE_AND_BODY = 12
"""What services that count the title with the body put between the two, at most."""


def taken_whole(plugin: Any, posted: Posted) -> bool:
    """Tell whether a service takes these words whole, counted as it counts."""
    title, body = posted
    counted = body
    if title and (plugin.overflow_amalgamate_title or "strmlabs" in plugin.schemas()):
        counted = f"{title}{' ' * BETWEEN_TITLE_AND_BODY}{body}"
    limits: list[Limit] = [(utf16, plugin.body_maxlen)]
    for schema in plugin.schemas():
        limits += LIMITS.get(schema, ())
    return all(measure(counted) <= most for measure, most in limits)
