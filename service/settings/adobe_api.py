"""Declare the settings of Adobe's API: where it is, who asks, and how long an answer counts."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.rules.calendar import HOUR, MINUTE
from service.settings.variables import (
    Needs,
    duration,
    one_of,
    optional,
    public_url,
    setting,
    shape,
)

ADOBE_API = "ADOBE_API_"
"""How the names of these variables begin, after COURSEBELL_."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECRET = shape(r"[!-~]+", "visible ASCII characters without blanks")


def api_url(text: str) -> str:
    """Read where an API is: our secrets leave this machine only under TLS."""
    expected = "an address like https://learningmanager.adobe.com, without a password"
    try:
        found = public_url(text)
    except ValueError:
        raise ValueError(expected) from None
    url = urlsplit(found)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise ValueError(expected)
    return found


def at_least_an_hour(text: str) -> int:
    """Read a duration in ms that a budget by the hour can keep up with."""
    found = duration(text)
    if found < HOUR:
        raise ValueError("a duration of 1h or more, e.g. 7d")
    return found


def time_of_day(text: str) -> int:
    """Read a time like 03:30, in ms since midnight."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if not found:
        raise ValueError("a time from 00:00 to 23:59, e.g. 03:30")
    return int(found[1]) * HOUR + int(found[2]) * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class AdobeApiSettings:
    """Hold how Adobe Learning Manager's API is asked; without credentials it is not."""

    url: str = setting(
        api_url,
        "Where the API is; Adobe has other hosts for other regions.",
        default="https://learningmanager.adobe.com",
        needs=Needs("CLIENT_ID"),
    )
    client_id: str | None = setting(
        optional(SECRET),
        "Id of an application with the scope `admin:read` (Integration Admin > Applications). With "
        "it, its secret and a refresh token, Coursebell asks Adobe about people, managers and "
        "courses that no import told of, with at most 500 requests an hour.",
        secret=True,
        needs=Needs("CLIENT_SECRET"),
    )
    client_secret: str | None = setting(
        optional(SECRET), "Its secret.", secret=True, needs=Needs("REFRESH_TOKEN")
    )
    refresh_token: str | None = setting(
        optional(SECRET),
        "Refresh token of an administrator; the account is the token's.",
        secret=True,
        needs=Needs("CLIENT_ID"),
    )
    scheme: str = setting(
        one_of("oauth", "Bearer"),
        "First word of the header `Authorization`: Adobe's own code writes `oauth`, its manual "
        "`Bearer`.",
        default="oauth",
        needs=Needs("CLIENT_ID"),
    )
    max_age: int = setting(
        at_least_an_hour,
        "How long an answer of the API counts before it is asked again, `1h` or more.",
        default="7d",
        needs=Needs("CLIENT_ID"),
    )
    report_at: int | None = setting(
        optional(time_of_day),
        "When to fetch Adobe's reports of all users and of all trainings, each day, e.g. `03:30`, "
        "in UTC; without it they are not fetched. A start that missed the time fetches them at "
        "once. Adobe makes them in a job, for which the application needs the scope `admin:write` "
        "too.",
        needs=Needs("CLIENT_ID"),
    )
