"""Use apprise's services: read their URLs without a word, and know how much each takes."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, OverflowMode
from apprise.plugins import url_to_dict
from apprise.plugins.email import NotifyEmail
from apprise.utils.parse import parse_url

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
