"""Read a channel's URL part by part, and refuse it where apprise would read a part otherwise."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from service.sending.channels.apprise_plugin import generic_reading

# RFC 3986, appendix B.
URL = re.compile(
    r"(?P<schema>[A-Za-z0-9]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.DOTALL,
)
PORT = re.compile(r"(?P<host>.*):(?P<port>[0-9]{1,9})", re.DOTALL)
NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
AT_OF_A_NAME = re.compile(r"[^:@]*/@[^@]*")
"""A room may be a person: `slack://…/@ada`."""
CUT_OFF = (
    "an @ stands behind the first /, ? or #: in a user or password write %2F for /, "
    "%3F for ? and %23 for #; elsewhere write %40 for @"
)
IN_LOGIN = "@:;\\[]"
CUTS = {"user": IN_LOGIN, "password": IN_LOGIN, "path": ";\\", "query": ";+"}
"""What cuts a part in two, or is lost, unless it is percent-encoded."""


class UrlRefused(ValueError):
    """Say which part of a URL cannot be used and what to write; never what stands in it."""


class UrlParts(msgspec.Struct, frozen=True):
    """Hold the parts of a URL, percent escapes decoded; the names of `query` in small letters."""

    schema: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    path: tuple[str, ...]
    query: dict[str, str]


PLACES = ("user", "password", "host", "port", "path", "query")


def parts_of(url: str) -> UrlParts:
    """Take a URL apart by RFC 3986 and compare each part with apprise's reading.

    apprise drops without a word what stands behind a second `@` or `:`, a `;` or a `#`: half a
    password became a host. Raises UrlRefused.
    """
    # A room may be written as it is called, `slack://…/#general`: apprise reads it so.
    text = url.strip().replace("/#", "/%23")
    found = URL.fullmatch(text)
    if found is None:
        raise UrlRefused("it is not a URL")
    _refuse_what_is_lost(found)
    raw = _raw_parts(found)
    for place in PLACES:
        _refuse_bad_escapes(place, raw[place])
    parts = UrlParts(
        schema=found["schema"].lower(),
        user=_decoded(raw["user"]),
        password=_decoded(raw["password"]),
        host=unquote(raw["host"] or ""),
        port=int(raw["port"]) if raw["port"] else None,
        path=_segments(raw["path"] or ""),
        query=_parameters(raw["query"] or ""),
    )
    if parts.port is not None and not 0 < parts.port < 65_536:
        raise UrlRefused("port: expected a number from 1 to 65535")
    _compare(parts, raw, text)
    return parts


def _refuse_what_is_lost(found: re.Match[str]) -> None:
    """Refuse a URL whose user or password is cut by a `/`, `?` or `#` of its own, or any end."""
    rest = found.string[found.end("authority") :]
    head = rest.partition("=")[0] if rest[:1] == "?" else rest.partition("?")[0]
    if "@" in head and not AT_OF_A_NAME.fullmatch(found["authority"] + head):
        raise UrlRefused(CUT_OFF)
    if found["query"] == "":
        raise UrlRefused("query: expected a parameter behind the ?, or no ?")
    if found["fragment"]:
        raise UrlRefused("what stands behind a # is lost; write %23 for #")


def _raw_parts(found: re.Match[str]) -> dict[str, str | None]:
    """Give each part as it is written, None where there is none."""
    userinfo, at, place = found["authority"].rpartition("@")
    user, colon, password = userinfo.partition(":")
    with_port = PORT.fullmatch(place)
    return {
        "user": user if at else None,
        "password": password if colon else None,
        "host": with_port["host"] if with_port else place,
        "port": with_port["port"] if with_port else None,
        "path": found["path"],
        "query": found["query"],
    }


def _refuse_bad_escapes(place: str, raw: str | None) -> None:
    if NO_ESCAPE.search(raw or ""):
        raise UrlRefused(f"{place}: write %25 for %")
    try:
        decoded = unquote(raw or "", errors="strict")
    except UnicodeDecodeError:
        raise UrlRefused(f"{place}: its percent escapes are not UTF-8") from None
    if place != "query" and any(ord(each) < 32 or ord(each) == 127 for each in decoded):
        raise UrlRefused(f"{place}: holds a line break or another control character")


def _decoded(raw: str | None) -> str | None:
    return None if raw is None else unquote(raw)


def _segments(path: str) -> tuple[str, ...]:
    return tuple(unquote(segment) for segment in path.rstrip("/").split("/"))


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if "@" in name:
            raise UrlRefused(CUT_OFF)
        key = unquote(name).lower().strip()
        if key in found:
            raise UrlRefused("query: a parameter is given twice")
        found[key] = unquote(value).strip()
    return found


def _compare(parts: UrlParts, raw: dict[str, str | None], text: str) -> None:
    read = generic_reading(text)
    # No host is None in one place and nothing in the other; so it is with the others.
    others = [
        place
        for place in PLACES
        if read is None or (getattr(parts, place) or None) != _value(read, place)
    ]
    told = [f"{place}: {mended}" for place in others if (mended := _mended(place, raw[place]))]
    if others:
        raise UrlRefused(
            "; ".join(told)
            or f"{others[0]}: percent-encode what is neither a letter nor a digit in it"
        )


def _value(read: Mapping[str, Any], place: str) -> object:
    """Give what apprise makes of a part, in the form of ours."""
    if place == "path":
        return _segments(str(read["fullpath"] or ""))
    if place == "query":
        return {name: value for name, value in read["qsd"].items() if name} or None
    if place == "port":
        return read["port"]
    return unquote(str(read[place] or "")) or None


def _mended(place: str, raw: str | None) -> str:
    """Say how to write what cuts a part; nothing when nothing in it does."""
    found = [f"%{ord(each):02X} for {each}" for each in CUTS.get(place, "") if each in (raw or "")]
    return "write " + ", ".join(found) if found else ""


def yes_or_no(name: str, text: str) -> bool:
    """Read a parameter that is on or off; apprise takes what it does not know for off."""
    if text.lower() in ("yes", "true", "on", "1"):
        return True
    if text.lower() in ("no", "false", "off", "0"):
        return False
    raise UrlRefused(f"{name}=: expected yes or no")
