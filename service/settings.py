"""Settings: every COURSEBELL_ variable, read once and checked; docs/settings.md is the table."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from service.environment import read_dotenv, with_files
from service.rules.durations import milliseconds

PREFIX = "COURSEBELL_"

NOT_YET = (
    "DATABASE_URL",
    "SECRET_KEY",
    "LETTER_RETENTION",
    "STORM_LIMIT",
    "SUNBIRD_",
    "KAFKA_",
    "COMMUNITY_TRAINING_",
    "SERVICEBUS_",
    "ADOBE_API_",
)

UNDOCUMENTED = "; Adobe does not document its name: look at what your webhook sends"
BESIDE = (
    ("ADOBE_USERNAME", "ADOBE_PASSWORD", ""),
    ("ADOBE_PASSWORD", "ADOBE_USERNAME", ""),
    ("ADOBE_PASSWORD_OLD", "ADOBE_PASSWORD", ""),
    ("ADOBE_HMAC_SECRET", "ADOBE_HMAC_HEADER", UNDOCUMENTED),
    ("ADOBE_HMAC_HEADER", "ADOBE_HMAC_SECRET", ""),
)
CREDENTIALS = {"ADOBE_USERNAME", "ADOBE_HMAC_SECRET", "ADOBE_BEARER_TOKEN", "ADOBE_WEBHOOK_SECRET"}

# What Kubernetes sets by itself for a service that is named coursebell; not meant for us.
SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP)\w*")


class SettingsError(Exception):
    """Settings the service cannot start with; one line for every mistake, without secrets."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person who runs the service decided; secrets are not in its repr."""

    data: Path
    rules: Path
    templates: Path
    host: str
    port: int
    public_url: str | None
    """Without a slash at its end."""
    admin_token: str | None = field(repr=False)
    adobe_username: str | None = field(repr=False)
    adobe_password: str | None = field(repr=False)
    adobe_password_old: str | None = field(repr=False)
    """Accepted as well, so that the password can be replaced without a gap."""
    adobe_hmac_secret: tuple[str, ...] = field(repr=False)
    """Each of these is accepted, so that one can be replaced without a gap."""
    adobe_hmac_header: str | None
    adobe_hmac_algorithm: str
    adobe_hmac_encoding: str
    adobe_hmac_prefix: str
    adobe_bearer_token: tuple[str, ...] = field(repr=False)
    adobe_webhook_secret: tuple[str, ...] = field(repr=False)
    """Secrets of Standard Webhooks, as the sender shows them."""
    adobe_allow_unauthenticated: bool
    adobe_lateness: int
    """Milliseconds."""
    letter_limit: int
    """Bytes."""
    mail_domain: str | None
    log_format: str
    log_level: str
    environment: Mapping[str, str] = field(repr=False)
    """What `${NAME}` in the rules' channels may name: the environment over `.env`."""


def read_settings(environ: Mapping[str, str], *, dotenv: Path | None = None) -> Settings:
    """The settings; raises SettingsError with every mistake at once.

    The environment wins over the `dotenv` file, which need not exist. A variable that is set
    to nothing counts as not set.
    """
    mistakes: list[str] = []
    given = {**read_dotenv(dotenv, mistakes), **environ}
    environment = with_files({k: v for k, v in given.items() if v}, PREFIX, mistakes)
    texts = {k.removeprefix(PREFIX): v for k, v in environment.items() if k.startswith(PREFIX)}
    mistakes += _unknown(texts)
    values = {name: _value(name, each, texts, mistakes) for name, each in SETTINGS.items()}
    mistakes += _contradictions(texts)
    if mistakes:
        raise SettingsError(mistakes)
    fields = {name.lower(): value for name, value in values.items()}
    return Settings(environment=environment, **fields)


def _unknown(texts: Mapping[str, str]) -> list[str]:
    """Names nobody reads; a channel's URL may have any name that ends in _URL."""
    found = []
    for name in sorted(set(texts) - set(SETTINGS)):
        if SERVICE_LINK.fullmatch(name):
            continue
        close = difflib.get_close_matches(name, SETTINGS, 1, 0.9 if name.endswith("_URL") else 0.6)
        if name.startswith(NOT_YET):
            found.append(f"{PREFIX}{name}: not supported yet; unset it")
        elif close or not name.endswith("_URL"):
            hint = f"; did you mean {PREFIX}{close[0]}?" if close else "; see docs/settings.md"
            found.append(f"{PREFIX}{name}: unknown setting{hint}")
    return found


def _value(name: str, setting: "Setting", texts: Mapping[str, str], mistakes: list[str]) -> Any:
    text = texts.get(name, setting.default)
    try:
        return setting.read(text)
    except ValueError as error:
        got = "" if setting.secret else f", got {text[:60]!r}"
        mistakes.append(f"{PREFIX}{name}: expected {error}{got}")
        return None


def _contradictions(texts: Mapping[str, str]) -> list[str]:
    """What each variable alone cannot show."""
    found = []
    for one, other, hint in BESIDE:
        if one in texts and other not in texts:
            found.append(f"{PREFIX}{other}: expected it beside {PREFIX}{one}, got none{hint}")
    is_open = texts.get("ADOBE_ALLOW_UNAUTHENTICATED", "").lower() == "true"
    if is_open and CREDENTIALS.intersection(texts):
        found.append(
            f"{PREFIX}ADOBE_ALLOW_UNAUTHENTICATED: expected false beside credentials, got true"
        )
    return found


def _optional(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            hint = " (Kubernetes sets this one: enableServiceLinks: false)" if "://" in text else ""
            raise ValueError(f"a number from {least} to {most}{hint}")
        return int(text)

    return read


def _shape(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text.lower()

    return read


def _boolean(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _duration(text: str) -> int:
    found = 0 if text in ("0", "0s") else milliseconds(text)
    if found is None:
        raise ValueError("a duration, e.g. 15m or 0")
    return found


def _several(pattern: str, expected: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = tuple(part for part in map(str.strip, text.split(",")) if part)
        if (text and not found) or not all(re.fullmatch(pattern, one) for one in found):
            raise ValueError(f"{expected}, or several with commas between them")
        return found

    return read


def _public_url(text: str) -> str:
    url = urlsplit(text)
    plain = url.scheme in ("http", "https") and url.hostname and "@" not in url.netloc
    if not plain or url.query or url.fragment or re.search(r"\s", text):
        raise ValueError("an address like https://coursebell.example.org, without a password")
    return text.rstrip("/")


class Setting(NamedTuple):
    """One variable: its default as written, how it is read, whether its value may be shown."""

    default: str
    read: Callable[[str], Any]
    secret: bool = False


NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
BASE64 = r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
DOMAIN = r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*"

SETTINGS = {
    "DATA": Setting("./data", _path),
    "RULES": Setting("rules.yaml", _path),
    "TEMPLATES": Setting("templates", _path),
    "HOST": Setting("127.0.0.1", _shape(r"[^\s/@]+", "a host name or IP address")),
    "PORT": Setting("8000", _number(0, 65_535)),
    "PUBLIC_URL": Setting("", _optional(_public_url), secret=True),
    "ADMIN_TOKEN": Setting(
        "", _optional(_shape(r"[!-~]+", "visible ASCII characters without blanks")), secret=True
    ),
    "ADOBE_USERNAME": Setting("", _optional(_shape(r"[^:\0-\x1f]+", "no colon")), secret=True),
    "ADOBE_PASSWORD": Setting("", _optional(str), secret=True),
    "ADOBE_PASSWORD_OLD": Setting("", _optional(str), secret=True),
    "ADOBE_HMAC_SECRET": Setting("", _several(".+", "a secret"), secret=True),
    "ADOBE_HMAC_HEADER": Setting("", _optional(_shape(NAME, "the name of a header"))),
    "ADOBE_HMAC_ALGORITHM": Setting("sha256", _one_of("sha256", "sha384", "sha512", "sha1")),
    "ADOBE_HMAC_ENCODING": Setting("hex", _one_of("hex", "base64")),
    "ADOBE_HMAC_PREFIX": Setting("", str),
    "ADOBE_BEARER_TOKEN": Setting("", _several("[!-~]+", "a token"), secret=True),
    "ADOBE_WEBHOOK_SECRET": Setting(
        "", _several(f"(whsec_)?{BASE64}", "a secret like whsec_<base64>"), secret=True
    ),
    "ADOBE_ALLOW_UNAUTHENTICATED": Setting("false", _boolean),
    "ADOBE_LATENESS": Setting("15m", _duration),
    "LETTER_LIMIT": Setting("1048576", _number(1_024, 67_108_864)),
    "MAIL_DOMAIN": Setting("", _optional(_shape(DOMAIN, "a domain like example.org"))),
    "LOG_FORMAT": Setting("text", _one_of("text", "json")),
    "LOG_LEVEL": Setting("info", _one_of("debug", "info", "warning", "error")),
}
