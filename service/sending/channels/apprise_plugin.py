"""Read channel URLs with apprise, without letting it say them aloud."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import requests
from apprise import Apprise, AppriseAsset, NotifyBase
from apprise.plugins.email import NotifyEmail
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
