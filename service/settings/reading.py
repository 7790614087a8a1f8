"""Read the settings from the environment, `.env` and files, and tell every mistake at once."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from service.learners.facts import Timing
from service.learners.look_alikes import plain, with_look_alike
from service.learners.text_form import trimmed
from service.settings.adobe_api import ADOBE_API, AdobeApiSettings
from service.settings.bounce_reports import BOUNCES, BounceSettings
from service.settings.sources import SourceSettings
from service.settings.table import PREFIX, Settings, declared, prefix_of, table
from service.settings.variables import NEVER, Setting, SettingsError

NOT_YET = ("LETTER_RETENTION",)
CREDENTIALS = ("USERNAME", "HMAC_SECRET", "BEARER_TOKEN", "WEBHOOK_SECRET")

# What Kubernetes sets by itself for a service that is named coursebell; not meant for us.
SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP)\w*")

FILE = "_FILE"
LARGEST_FILE = 65_536

LINE = re.compile(
    r"""(?:export\s+)?([A-Za-z_]\w*)\s*=\s*"""
    r"""(?:"([^"]*)"\s*(?:\#.*)?|'([^']*)'\s*(?:\#.*)?|((?!["'])(?:(?!\s\#).)*?)(?:\s+\#.*)?)"""
)


def read_settings(
    environ: Mapping[str, str], sources: Mapping[str, Timing], *, dotenv: Path | None = None
) -> Settings:
    """Read the settings; raise SettingsError with every mistake at once.

    `sources` are how the dates of each source are read where nothing else is set. The
    environment wins over the `dotenv` file, which need not exist. A variable that is set to
    nothing counts as not set.
    """
    mistakes: list[str] = []
    given = {**_read_dotenv(dotenv, mistakes), **environ}
    environment = _with_files({k: v for k, v in given.items() if v}, PREFIX, mistakes)
    texts = {k.removeprefix(PREFIX): v for k, v in environment.items() if k.startswith(PREFIX)}
    settings = table(sources)
    mistakes += _unknown(texts, settings)
    mistakes += [
        with_look_alike(f"{name}: unknown setting", name)
        for name in sorted(environment)
        if plain(name).startswith(PREFIX) and not name.startswith(PREFIX)
    ]
    values = {
        name: _value(name, each, texts=texts, mistakes=mistakes) for name, each in settings.items()
    }
    mistakes += _contradictions(texts, sources)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(
        **{name.lower(): values[name] for name in declared(Settings)},
        adobe_api=AdobeApiSettings(
            **{name.lower(): values[ADOBE_API + name] for name in declared(AdobeApiSettings)}
        ),
        bounces=BounceSettings(
            **{name.lower(): values[BOUNCES + name] for name in declared(BounceSettings)}
        ),
        sources={name: _of_source(name, timing, values) for name, timing in sources.items()},
        environment=environment,
    )


def _of_source(source: str, timing: Timing, values: Mapping[str, Any]) -> SourceSettings:
    found = {name.lower(): values[prefix_of(source) + name] for name in declared(SourceSettings)}
    return SourceSettings(**found, timing=_timing(found, timing))


def _timing(found: Mapping[str, Any], own: Timing) -> Timing:
    """Read a source's dates as the settings say, or else by the source itself."""
    lateness, again_after = found["lateness"], found["again_after"]
    if lateness is None:
        lateness = own.lateness
    if again_after is None:
        again_after = own.again_after
    return Timing(lateness, None if again_after == NEVER else again_after)


def _unknown(texts: Mapping[str, str], settings: Mapping[str, Setting]) -> list[str]:
    """Find names nobody reads; a channel's URL may have any name that ends in _URL."""
    found = []
    for name in sorted(set(texts) - set(settings)):
        if SERVICE_LINK.fullmatch(name):
            continue
        close = difflib.get_close_matches(
            plain(name), settings, n=1, cutoff=0.9 if name.endswith("_URL") else 0.6
        )
        if name.startswith(NOT_YET):
            found.append(f"{PREFIX}{name}: not supported yet; unset it")
        elif close or not name.endswith("_URL"):
            hint = f"; did you mean {PREFIX}{close[0]}?" if close else "; see docs/settings.md"
            found.append(with_look_alike(f"{PREFIX}{name}: unknown setting{hint}", PREFIX + name))
    return found


def _value(name: str, setting: Setting, texts: Mapping[str, str], mistakes: list[str]) -> Any:
    text = texts.get(name, setting.default)
    try:
        return setting.read(text)
    except ValueError as error:
        got = "" if setting.secret else f", got {text[:60]!r}"
        mistakes.append(with_look_alike(f"{PREFIX}{name}: expected {error}{got}", text))
        return None


def _contradictions(texts: Mapping[str, str], sources: Iterable[str]) -> list[str]:
    """Find what each variable alone cannot show."""
    found = _alone(texts, declared(Settings), "")
    found += _alone(texts, declared(AdobeApiSettings), ADOBE_API)
    admin, readers = texts.get("ADMIN_TOKEN"), texts.get("READ_TOKEN", "").split(",")
    if admin and admin in map(str.strip, readers):
        found.append(
            f"{PREFIX}READ_TOKEN: expected another value than that of {PREFIX}ADMIN_TOKEN, got it"
        )
    if {"DATABASE_URL", "PUBLIC_URL"} <= texts.keys() and "SECRET_KEY" not in texts:
        found.append(
            f"{PREFIX}SECRET_KEY: expected it beside {PREFIX}DATABASE_URL and {PREFIX}PUBLIC_URL, "
            "got none; links that one machine signs are good on all"
        )
    for source in sources:
        own = prefix_of(source)
        found += _alone(texts, declared(SourceSettings), own)
        is_open = texts.get(f"{own}ALLOW_UNAUTHENTICATED", "").lower() == "true"
        if is_open and any(own + name in texts for name in CREDENTIALS):
            name = f"{PREFIX}{own}ALLOW_UNAUTHENTICATED"
            found.append(f"{name}: expected false beside credentials, got true")
    return found


def _alone(texts: Mapping[str, str], settings: Mapping[str, Setting], prefix: str) -> list[str]:
    """Find the variables that are given without another that they need."""
    prefixed = PREFIX + prefix
    return [
        f"{prefixed}{each.needs.name}: expected it beside {prefixed}{name}, got none"
        f"{each.needs.hint}"
        for name, each in settings.items()
        if each.needs and prefix + name in texts and prefix + each.needs.name not in texts
    ]


def _read_dotenv(path: Path | None, mistakes: list[str]) -> dict[str, str]:
    """Read NAME=value lines; a value may be quoted, and what follows ` #` is a comment."""
    if path is None or not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        mistakes.append(f"{path.name}: cannot be read ({reason}); expected a file of NAME=value")
        return {}
    found = {}
    for number, raw in enumerate(lines, 1):
        line = trimmed(raw)
        match = LINE.fullmatch(line)
        name, *quoted, bare = match.groups() if match else ("", "")
        seems_quoted = name.startswith(PREFIX) and plain(bare or "")[:1] in {'"', "'"}
        if name and not seems_quoted:
            found[name] = next((q for q in quoted if q is not None), bare or "")
        elif line and not line.startswith("#"):
            expected = f"{path.name}:{number}: expected NAME=value or # and a comment"
            mistakes.append(with_look_alike(expected, raw, "at column {}"))
    return found


def _with_files(given: Mapping[str, str], prefix: str, mistakes: list[str]) -> dict[str, str]:
    """Replace each …_FILE that has the prefix by what its file holds."""
    named = [k for k in given if k.startswith(prefix) and k.endswith(FILE) and k != prefix + FILE]
    found = {k: v for k, v in given.items() if k not in named}
    for name in named:
        target = name.removesuffix(FILE)
        if target in found:
            mistakes.append(f"{name}: expected {target} or {name}, got both")
            continue
        try:
            with Path(given[name]).open("rb") as file:
                found[target] = _text(file.read(LARGEST_FILE + 1))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text of at most 64 KiB"
            mistakes.append(f"{name}: cannot be read ({reason}); expected the path of a text file")
    return found


def _text(content: bytes) -> str:
    if len(content) > LARGEST_FILE or b"\0" in content:
        raise ValueError("too long or binary")
    return content.decode("utf-8-sig").strip("\r\n")
