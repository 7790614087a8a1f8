"""Reading the settings: from the environment and `.env`, with every mistake told at once."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from service.settings.environment import read_dotenv, with_files
from service.settings.table import (
    OF_EACH_SOURCE,
    PREFIX,
    TABLE,
    Settings,
    SourceSettings,
    prefix_of,
    table,
)
from service.settings.values import Setting, SettingsError

NOT_YET = (
    "DATABASE_URL",
    "LETTER_RETENTION",
    "ADOBE_API_",
)

UNDOCUMENTED = "; look at what the sender's requests carry"
BESIDE = (
    ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", ", e.g. prod.telemetry.audit"),
    ("KAFKA_TOPIC", "KAFKA_BOOTSTRAP_SERVERS", ", e.g. kafka:9092"),
    ("KAFKA_GROUP_ID", "KAFKA_BOOTSTRAP_SERVERS", ""),
    ("SERVICEBUS_TOPIC", "SERVICEBUS_CONNECTION_STRING", ""),
    ("SERVICEBUS_SUBSCRIPTION", "SERVICEBUS_CONNECTION_STRING", ""),
    ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", ""),
    ("KAFKA_SASL_PASSWORD", "KAFKA_SASL_USERNAME", ""),
)
BESIDE_OF_EACH_SOURCE = (
    ("USERNAME", "PASSWORD", ""),
    ("PASSWORD", "USERNAME", ""),
    ("PASSWORD_OLD", "PASSWORD", ""),
    ("HMAC_SECRET", "HMAC_HEADER", UNDOCUMENTED),
    ("HMAC_HEADER", "HMAC_SECRET", ""),
)
CREDENTIALS = ("USERNAME", "HMAC_SECRET", "BEARER_TOKEN", "WEBHOOK_SECRET")

# What Kubernetes sets by itself for a service that is named coursebell; not meant for us.
SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP)\w*")


def read_settings(
    environ: Mapping[str, str], sources: Mapping[str, int], *, dotenv: Path | None = None
) -> Settings:
    """The settings; raises SettingsError with every mistake at once.

    `sources` are the lateness in ms that each source allows by itself. The environment wins
    over the `dotenv` file, which need not exist. A variable that is set to nothing counts as
    not set.
    """
    mistakes: list[str] = []
    given = {**read_dotenv(dotenv, mistakes), **environ}
    environment = with_files({k: v for k, v in given.items() if v}, PREFIX, mistakes)
    texts = {k.removeprefix(PREFIX): v for k, v in environment.items() if k.startswith(PREFIX)}
    settings = table(sources)
    mistakes += _unknown(texts, settings)
    values = {name: _value(name, each, texts, mistakes) for name, each in settings.items()}
    mistakes += _contradictions(texts, sources)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(
        **{name.lower(): values[name] for name in TABLE},
        sources={name: _of_source(name, late, values) for name, late in sources.items()},
        environment=environment,
    )


def _of_source(source: str, lateness: int, values: Mapping[str, Any]) -> SourceSettings:
    found = {name.lower(): values[prefix_of(source) + name] for name in OF_EACH_SOURCE}
    if found["lateness"] is None:
        found["lateness"] = lateness
    return SourceSettings(**found)


def _unknown(texts: Mapping[str, str], settings: Mapping[str, Setting]) -> list[str]:
    """Names nobody reads; a channel's URL may have any name that ends in _URL."""
    found = []
    for name in sorted(set(texts) - set(settings)):
        if SERVICE_LINK.fullmatch(name):
            continue
        close = difflib.get_close_matches(name, settings, 1, 0.9 if name.endswith("_URL") else 0.6)
        if name.startswith(NOT_YET):
            found.append(f"{PREFIX}{name}: not supported yet; unset it")
        elif close or not name.endswith("_URL"):
            hint = f"; did you mean {PREFIX}{close[0]}?" if close else "; see docs/settings.md"
            found.append(f"{PREFIX}{name}: unknown setting{hint}")
    return found


def _value(name: str, setting: Setting, texts: Mapping[str, str], mistakes: list[str]) -> Any:
    text = texts.get(name, setting.default)
    try:
        return setting.read(text)
    except ValueError as error:
        got = "" if setting.secret else f", got {text[:60]!r}"
        mistakes.append(f"{PREFIX}{name}: expected {error}{got}")
        return None


def _contradictions(texts: Mapping[str, str], sources: Iterable[str]) -> list[str]:
    """What each variable alone cannot show."""
    found = _alone(texts, BESIDE, "")
    for source in sources:
        own = prefix_of(source)
        found += _alone(texts, BESIDE_OF_EACH_SOURCE, own)
        is_open = texts.get(f"{own}ALLOW_UNAUTHENTICATED", "").lower() == "true"
        if is_open and any(own + name in texts for name in CREDENTIALS):
            name = f"{PREFIX}{own}ALLOW_UNAUTHENTICATED"
            found.append(f"{name}: expected false beside credentials, got true")
    return found


def _alone(
    texts: Mapping[str, str], pairs: Iterable[tuple[str, str, str]], prefix: str
) -> list[str]:
    return [
        f"{PREFIX}{prefix}{other}: expected it beside {PREFIX}{prefix}{one}, got none{hint}"
        for one, other, hint in pairs
        if prefix + one in texts and prefix + other not in texts
    ]
