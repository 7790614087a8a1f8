"""Read the text of one variable; a ValueError says what was expected."""

import re
import socket
from collections.abc import Callable
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from service.rules.calendar import milliseconds
from service.sending.channels.mime import AddressRefused, mailbox

Read = Callable[[str], Any]

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # nosec B105 # a header's name, RFC 9110
BASE64 = r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
DOMAIN = r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*"


class SettingsError(Exception):
    """Refuse settings the service cannot start with: a line for each mistake, no secrets."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Needs(NamedTuple):
    """Name the variable that must be given beside another, and what to say where it is not."""

    name: str
    hint: str = ""


class Setting(NamedTuple):
    """Describe one variable; the value of a secret is never shown."""

    default: str
    read: Read
    meaning: str
    secret: bool = False
    needs: Needs | None = None


def setting(
    read: Read, meaning: str, *, default: str = "", secret: bool = False, needs: Needs | None = None
) -> Any:
    """Declare the variable of a field; `meaning` is its line in docs/settings.md."""
    declared = Setting(default=default, read=read, meaning=meaning, secret=secret, needs=needs)
    return field(repr=not secret, metadata={"setting": declared})


def optional(read: Read) -> Read:
    """Read nothing as None, and anything else by `read`."""
    return lambda text: read(text) if text else None


def folder(text: str) -> Path:
    """Read the path of a folder, which need not be there yet; `~` is the home folder."""
    found = Path(text).expanduser()
    there = next((each for each in (found, *found.parents) if each.exists()), found)
    if there.exists() and not there.is_dir():
        raise ValueError(f"a folder, not a file or something in one ({there.name} is a file)")
    return found


def file(text: str) -> Path:
    """Read the path of a file, which need not be there yet; `~` is the home folder."""
    found = Path(text).expanduser()
    if found.is_dir():
        raise ValueError("a file, not a folder")
    return found


def existing_file(text: str) -> str:
    """Read the path of a file that is there, for a library to open; `~` is not read."""
    if not Path(text).is_file():
        raise ValueError("the path of a file that is there")
    return text


def address(text: str) -> str:
    """Read what a service can listen on: an IP address, or a host name without a port."""
    is_number = ":" in text or re.fullmatch(r"[0-9.]+", text)
    is_name = re.fullmatch(DOMAIN, text.replace("_", "-"))
    if not (_is_ip(text) if is_number else is_name):
        raise ValueError("a host name or IP address, without port or brackets")
    return text


def _is_ip(text: str) -> bool:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        socket.inet_pton(family, text.partition("%")[0])
    except OSError:
        return False
    return True


def servers(text: str) -> str:
    """Read `host:port`, or several with commas between them."""
    for each in text.split(","):
        found = re.fullmatch(r" ?[^\s,/@]+:([0-9]{1,5})", each)
        if not found or not 0 < int(found[1]) < 65_536:
            raise ValueError("host:port, or several with commas; ports from 1 to 65535")
    return text


def mail_address(text: str) -> str:
    """Read the address of one mailbox, without a name."""
    try:
        mailbox(text)
    except AddressRefused:
        raise ValueError("one mail address like me@example.org, without a name") from None
    return text


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read networks as CIDR writes them (RFC 4632 §3.1), or several with commas between them."""
    try:
        return tuple(ip_network(each) for each in re.split(" *, *", text) if text)
    except ValueError:
        raise ValueError(
            "a network like 10.0.0.0/8 or fd00::/8, or several with commas between them"
        ) from None


def number(least: int, most: int) -> Callable[[str], int]:
    """Read a whole number of a range."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            hint = " (Kubernetes sets this one: enableServiceLinks: false)" if "://" in text else ""
            raise ValueError(f"a number from {least} to {most}{hint}")
        return int(text)

    return read


def shape(pattern: str, expected: str) -> Callable[[str], str]:
    """Read text that the whole pattern matches."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Read one of some words, in any case."""
    known = {word.lower(): word for word in words}

    def read(text: str) -> str:
        if text.lower() not in known:
            raise ValueError(f"one of {', '.join(words)}")
        return known[text.lower()]

    return read


def boolean(text: str) -> bool:
    """Read true or false."""
    return one_of("true", "false")(text) == "true"


def duration(text: str) -> int:
    """Read a duration in ms; 0 too."""
    found = 0 if text in ("0", "0s") else milliseconds(text)
    if found is None:
        raise ValueError("a duration, e.g. 15m or 0")
    return found


NEVER = "never"


def lasting_or_never(text: str) -> int | str:
    """Read a duration in ms, or NEVER."""
    return NEVER if text == NEVER else duration(text)


def several(pattern: str, expected: str) -> Callable[[str], tuple[str, ...]]:
    """Read texts with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(part for part in map(str.strip, text.split(",")) if part)
        if (text and not found) or not all(re.fullmatch(pattern, one) for one in found):
            raise ValueError(f"{expected}, or several with commas between them")
        return found

    return read


def properties(text: str) -> dict[str, str]:
    """Read `name=value` pairs, one a line; blank lines and those that begin with # say nothing."""
    found = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[a-z.]+", name.strip()):
            found[name.strip()] = value.strip()
        elif line and not line.startswith("#"):
            raise ValueError("lines of name=value, e.g. session.timeout.ms=10000")
    return found


def public_url(text: str) -> str:
    """Read an address people reach, without a slash at its end."""
    expected = "an address like https://coursebell.example.org, without a password"
    try:
        url = urlsplit(text)
        plain = url.scheme in ("http", "https") and url.port != 0 and "@" not in url.netloc
    except ValueError:
        raise ValueError(expected) from None
    host = url.hostname or ""
    reached = ":" in host or re.fullmatch(r"[^\s.]+(\.[^\s.]+)*\.?", host)
    if not plain or not reached or url.query or url.fragment or re.search(r"\s", text):
        raise ValueError(expected)
    return text.rstrip("/")
