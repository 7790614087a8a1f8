"""Read channels: names for ways out, whose URLs take their secrets from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.rules.language.errors import Report
from service.rules.language.shape import Schema
from service.rules.language.values import PASSWORD_FORM, patterned
from service.rules.text import shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_NAME_TAKES = "a channel's name takes letters, digits, '-' and '_'"
MAIL = frozenset({"mailto", "mailtos"})
MAIL_ELSEWHERE = frozenset({"smtp", "smtps"})
"""Schemes that other programs have for it."""
PERSONAL = MAIL | {"drawer"}
"""Schemes that can reach one person at an address of their own."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
_SETTING = re.compile(r"COURSEBELL_(?:\w*(?<!_URL)|BOUNCES_IMAP_URL)")
"""Nobody may write the service's own secrets into an address of their choice."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_BEFORE_ADDRESS = re.compile(r"[\s?]")
_QUERY = re.compile(r"[?&]")
_SECRET_WORD = re.compile(r"pass|pwd|token|secret|key|sig|auth")
_PLAIN = frozenset(
    {*PERSONAL, "json", "jsons", "xml", "xmls", "form", "forms", "http", "https", "syslog"}
)
CHANNELS: Schema = {
    "type": "object",
    "propertyNames": patterned("string", NAME.pattern, f"{_NAME_TAKES}, 63 at most"),
    "additionalProperties": patterned(
        "string",
        rf"(?![\s\S]*{PASSWORD_FORM})(?=[A-Za-z][A-Za-z0-9+.-]*://|[\s\S]*\$\{{)"
        r"([^$]|\$(?!\{)|\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\})+",
        "expected a URL like slack://…, or ${NAME}, or ${NAME:-default}; no password",
    ),
}
_FIX = "put the whole URL into an environment variable and write ${%s}"


@dataclass(frozen=True)
class ChannelUrl:
    """Hold the URL of one way out; None when the file says it wrongly.

    `unset` is the variable that is not set, and for which a default stands.
    """

    url: str | None = None
    unset: str | None = None

    @property
    def personal(self) -> bool:
        """Tell whether the channel can reach one person; a wrong one is given the benefit."""
        return self.url is None or scheme(self.url) in PERSONAL

    @property
    def mail(self) -> bool:
        """Tell whether the channel sends mail and nothing else."""
        return self.url is not None and scheme(self.url) in MAIL


def scheme(url: str) -> str | None:
    """Give what stands before `://`, in small letters."""
    found = _SCHEME.match(url.lower())
    return found[1] if found else None


def read_channels(
    written: Mapping[str, str | None], environ: Mapping[str, str], report: Report
) -> dict[str, ChannelUrl]:
    """Read `channels`; what a variable holds is never repeated in a message."""
    channels: dict[str, ChannelUrl] = {}
    for name, text in written.items():
        path = ("channels", name)
        if not NAME.fullmatch(name):
            report.error(path, f"{_NAME_TAKES}, not {shown(name)}", key=True)
            continue
        url, problem = _resolved(name, text, environ) if text is not None else (None, None)
        if problem:
            report.error(path, problem)
        channels[name] = ChannelUrl(url, _unset(text or "", environ))
    return channels


def _unset(text: str, environ: Mapping[str, str]) -> str | None:
    names = (found[1] for found in _VARIABLE.finditer(text) if not environ.get(found[1]))
    return next(names, None)


def holds_password(text: str) -> bool:
    """Tell whether a text has `://user:password@` in it; each character is looked at once."""
    return any(_ends_in_password(part) for part in text.split("@")[:-1])


def _ends_in_password(part: str) -> bool:
    address = _BEFORE_ADDRESS.split(part)[-1].partition("://")[2]
    return ":" in address[:-1]


def _holds_secret_query(text: str) -> bool:
    """Tell whether a query has a value for something like `token`."""
    pairs = (pair.partition("=") for pair in _QUERY.split(text.lower())[1:])
    return any(_SECRET_WORD.search(key) and value.strip() for key, _, value in pairs)


def holds_variable(text: str) -> bool:
    """Tell whether a text asks for a value from the environment."""
    return "${" in text


def _resolved(name: str, text: str, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Fill in the environment: the URL, or what is wrong with it."""
    literal = _VARIABLE.sub(lambda found: found[2] or "", text)
    if _is_secret(literal):
        return None, f"a secret is written into this file; {_FIX % _variable_for(name)}"
    if holds_variable(_VARIABLE.sub("", text)):
        return None, "cannot read this ${…}; write ${NAME} or ${NAME:-default}"
    for found in _VARIABLE.finditer(text):
        if _SETTING.fullmatch(found[1]):
            return (
                None,
                f"{found[1]} is a setting of the service; name a variable that ends in _URL",
            )
        if found[2] is None and not environ.get(found[1]):
            return None, f"the environment variable {found[1]} is not set and has no default here"
    url = _VARIABLE.sub(lambda found: environ.get(found[1]) or found[2] or "", text).strip(" ")
    return (url, None) if _is_url(url) else (None, _no_url(name, text, url))


def _is_url(url: str) -> bool:
    return scheme(url) not in (None, *MAIL_ELSEWHERE) and url.isprintable()


def _no_url(name: str, text: str, url: str) -> str:
    problem = f"is {scheme(url)}://" if scheme(url) in MAIL_ELSEWHERE else "is not a URL"
    message = f"channel {shown(name)} {problem}; expected something like mailtos://… or slack://…"
    message += ", without quotes around it" if url[:1] in ("'", '"') else ""
    variables = [found[0] for found in _VARIABLE.findall(text)]
    return f"{message}; look at {' and '.join(variables)}" if variables else message


def _is_secret(literal: str) -> bool:
    """Tell whether the part of a URL that stands in the file holds a password or a token."""
    if holds_password(literal) or _holds_secret_query(literal):
        return True
    if scheme(literal) in MAIL:
        return False  # its password stands before an @ or is named, and what else it has is open
    address = literal.partition("://")[2] or literal
    segments = re.split(r"[/?&=@:#]", address)
    if scheme(literal) in _PLAIN:
        segments = segments[1:]
    return any(_is_token(segment) for segment in segments)


def _is_token(segment: str) -> bool:
    """Tell a token from a part of a URL by its looks: long, and no host, and digits in it."""
    if "." in segment and len(segment) < 40:
        return False
    return len(segment) >= 24 or (len(segment) >= 8 and bool(re.search(r"\d", segment)))


def _variable_for(name: str) -> str:
    word = re.sub(r"[^A-Z0-9]+", "_", name.upper()) if NAME.fullmatch(name) else "CHANNEL"
    return f"COURSEBELL_{word}_URL"
