"""Show templates the registry's fields, each cleaned when it is read."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from unicodedata import normalize
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, format_percent
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from service.learners.text_form import locale_form
from service.rules.fields import FIELDS, ITEM_GROUPS, ITEMS, WORDS_ONLY, Reading
from service.sending.templates.known_variables import ANY, REASON, REASONS, Shape

TEXT_LENGTH_MAX = 200
URL_LENGTH_MAX = 2_000
LIST_LENGTH_MAX = 100
WRITTEN_REMEMBERED = 4_096
NUMBERS = (int, float)
ISOLATE, ISOLATED = "\u2068", "\u2069"
"""What keeps a text's own direction within one of another (UAX #9, FSI and PDI)."""

# C0 and C1 controls, line and paragraph separators, bidirectional marks and overrides,
# the byte order mark, halves of surrogate pairs and invisible tag characters.
# Joiners (U+200C, U+200D) stay: Hindi, Persian and emoji need them.
HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
BLANKS = re.compile(r"\s+")
WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>\\`{|}^]+", re.IGNORECASE)
ADDRESSES = ("course.url", "instance.watch_url", "recipient.choices_url")
LINK_IN_A_NAME = re.compile(r"://|\bwww\.", re.IGNORECASE)

GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(name.partition(".")[2] for name in names)
    for group, names in groupby(sorted(FIELDS.keys() - WORDS_ONLY), lambda n: n.partition(".")[0])
}
"""The fields that are not of the message itself, by their group."""


class FieldGroup(Mapping[str, object]):
    """Look up one group of the registry's fields, each when the words ask for it.

    `own` are those that are of the message itself.
    """

    def __init__(
        self, name: str, reading: Reading, own: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        self._name = name
        self._reading = reading
        self._own = own or {}

    def __getitem__(self, field: str) -> object:
        if (self._name, field) == ("learner", "fields"):
            person = self._reading.person
            return dict(person.fields) if person else {}
        if field in self._own:
            return self._own[field]()
        if field not in GROUPS[self._name]:
            raise KeyError(field)
        return self._reading(f"{self._name}.{field}")

    def __iter__(self) -> Iterator[str]:
        return iter(GROUPS[self._name])

    def __len__(self) -> int:
        return len(GROUPS[self._name])


def one_line(text: str) -> str:
    """Return the text on one line, composed, without controls or direction tricks."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return normalize("NFC", BLANKS.sub(" ", HARMFUL.sub(" ", text)).strip())


def shortened(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Cut a text to so many characters, the last one an ellipsis if anything is missing.

    It ends with a whole line or else a whole word, unless that would cost it half its length.
    """
    if len(text) <= length_max:
        return text
    room = length_max - 1
    ends = (text.rfind(sign, room // 2, room + 1) for sign in "\n ")
    end = next((end for end in ends if end > 0), None) or _whole(text, room)
    return text[:end].rstrip() + "…"


JOINER = "\N{ZERO WIDTH JOINER}"
LEANING = JOINER + "".join(map(chr, range(0x1F3FB, 0x1F400)))
"""What is part of the character before it beside marks: skin tones, and what joins emoji."""
FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def _whole(text: str, end: int) -> int:
    """Move an end back until it cuts nothing that is seen as one character (UAX #29, roughly)."""
    while end > 0 and (_leans(text[end]) or text[end - 1] == JOINER):
        end -= 1
    letters = end - len(text[:end].rstrip(FLAG_LETTERS))
    return end - 1 if letters % 2 and text[end] in FLAG_LETTERS else end


def _leans(character: str) -> bool:
    return character in LEANING or unicodedata.category(character).startswith("M")


Places = Mapping[tuple[str, str, str, str], str]
"""Files by template, form, locale and name, as `TemplateFiles` has them."""


def locale_for(places: Places, template: str, form: str, wanted: str | None) -> str:
    """Choose de-at, then de, then the plain files: the first that has a text body."""
    tag = locale_form(wanted) if wanted else ""
    while tag:
        if (template, form, tag, "body.txt") in places:
            return tag
        tag = tag.rpartition("-")[0]
    return ""


def cleaned(value: object, field: str) -> Any:
    """Return a field's value as a template may show it; None when it is unknown or unfit.

    A web address that is not http(s) is unfit, and so is a person's name with a link in it:
    strangers choose their names, and mail programs make links of them.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and field not in ADDRESSES:
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(item, field) for item in list(value)[:LIST_LENGTH_MAX]]
    text = one_line(str(value)[: 20 * TEXT_LENGTH_MAX])
    if field in ADDRESSES:
        return text if len(text) <= URL_LENGTH_MAX and WEB_ADDRESS.fullmatch(text) else None
    if field in ("learner.name", "recipient.name") and LINK_IN_A_NAME.search(text):
        return None
    return shortened(text) or None


def zone_of(values: Mapping[str, Any]) -> tzinfo:
    """Return the reader's time zone: the recipient's, else the learner's, else UTC."""
    for role in ("recipient", "learner"):
        name = (values.get(role) or {}).get("timezone")
        try:
            if name:
                return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return UTC


def moment(value: object, zone: tzinfo) -> datetime | None:
    """Return the time of `value` (milliseconds since 1970, UTC), None when it is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, zone)
    except (OverflowError, ValueError, OSError):
        return None


class Phrase(NamedTuple):
    """Hold words of a catalogue with gaps: text, the name of a gap, text, …; and as HTML."""

    parts: tuple[str, ...]
    escaped: tuple[Markup, ...]

    def said(self, values: Mapping[str, object], language: "Language", html: bool) -> str:
        """Fill the gaps; in HTML what is filled in is escaped."""
        parts = self.escaped if html else self.parts
        if len(parts) == 1:
            return parts[0]
        filled = [
            language.written(values.get(self.parts[at])) if at % 2 else part
            for at, part in enumerate(parts)
        ]
        return Markup().join(filled) if html else "".join(filled)


Words = Mapping[str, Mapping[str, Phrase]]
"""What a catalogue says, by key and form of number: `other`, or what CLDR calls it."""


def gaps_of(forms: Mapping[str, Phrase]) -> frozenset[str]:
    """Name the gaps in words, of all their forms."""
    return frozenset(gap for phrase in forms.values() for gap in phrase.parts[1::2])


class Language:
    """Hold a language that a message is in: its tag, its words, and how it writes numbers.

    `fields` are what templates know of it; `start` is the side on which lines begin. What was
    written is remembered: CLDR's patterns take more work than the rest of a mail.
    """

    def __init__(self, tag: str, locale: Locale, words: Words) -> None:
        direction = locale.text_direction
        start, end = ("right", "left") if direction == "rtl" else ("left", "right")
        self.tag, self.locale, self.words = tag, locale, words
        self.fields = {"tag": tag, "direction": direction, "start": start, "end": end}
        self._isolates = direction == "rtl"
        self._written: dict[tuple[str, object], str] = {}

    def phrase(self, key: str, number: Any) -> Phrase:
        """Give the words of a key, for so many."""
        forms = self.words[key]
        if len(forms) == 1 or type(number) not in NUMBERS:
            return forms["other"]
        return forms.get(self.locale.plural_form(number)) or forms["other"]

    def written(self, value: Any) -> str:
        """Write what fills a gap; where lines begin on the right it keeps its own direction."""
        if value is None:
            return ""
        if type(value) in NUMBERS:
            return self._kept("number", value, lambda: format_decimal(value, locale=self.locale))
        return f"{ISOLATE}{value}{ISOLATED}" if self._isolates else str(value)

    def day(self, day: date) -> str:
        """Write a day: `8 November 2024`, `8. November 2024`."""
        return self._kept("day", day, lambda: format_date(day, "long", self.locale))

    def share(self, percent: float) -> str:
        """Write a share of a hundred: `42%`, `42 %`."""

        def make() -> str:
            share = Decimal(f"{percent:.10g}") / 100
            return format_percent(share, locale=self.locale, decimal_quantization=False)

        return self._kept("share", percent, make)

    def _kept(self, kind: str, value: object, make: Callable[[], str]) -> str:
        known = (kind, value)
        found = self._written.get(known)
        if found is None:
            if len(self._written) >= WRITTEN_REMEMBERED:
                self._written.clear()
            found = self._written[known] = make()
        return found


@pass_context
def say_filter(context: Context, key: str, **values: object) -> str:
    """Render the template filter `say`: the words of a key, in the reader's language."""
    language: Language = context["_language"]
    phrase = language.phrase(key, values.get("n"))
    return phrase.said(values, language, html=bool(context.eval_ctx.autoescape))


@pass_context
def date_filter(context: Context, value: object) -> str:
    """Render the template filter `date`: a day in the reader's zone; nothing when unknown."""
    time = moment(value, context["_zone"])
    return context["_language"].day(time.date()) if time else ""


@pass_context
def datetime_filter(context: Context, value: object) -> str:
    """Render the template filter `datetime`: day, hour and zone; nothing when unknown."""
    time = moment(value, context["_zone"])
    if not time:
        return ""
    language: Language = context["_language"]
    locale = language.locale
    zone = time.strftime("%Z")
    shown = zone if zone.isalpha() else f"UTC{zone}"
    hour = f"{format_skeleton('Hm', time, locale=locale)} {shown}"
    joined = str(locale.datetime_formats["medium"]).replace("'", "")
    return joined.replace("{1}", language.day(time.date())).replace("{0}", hour)


@pass_context
def percent_filter(context: Context, value: object) -> str:
    """Render the template filter `percent`: `42%`, in German `42 %` with a hard space."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    language: Language = context["_language"]
    return language.share(value)


FILTERS_OF_LANGUAGE: Mapping[str, Callable[..., str]] = {
    "date": date_filter,
    "datetime": datetime_filter,
    "percent": percent_filter,
}


OURS, OUR_OWN = ("language.", "brand."), frozenset({"sections", "replies"})
"""What nobody outside writes, and templates are shown as it is."""


class Record:
    """Show a group of fields to a template: known ones cleaned, unknown ones None."""

    __slots__ = ("_path", "_read", "_shape", "_values")

    def __init__(self, shape: Shape, values: Mapping[str, Any], path: str = "") -> None:
        self._shape = shape
        self._values = values
        self._path = path
        self._read: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._shape or ANY in self._shape

    def field(self, name: str) -> Any:
        """Return one field; each is cleaned once per rendering."""
        if name not in self._read:
            self._read[name] = self._value(name)
        return self._read[name]

    def _value(self, name: str) -> Any:
        below = self._shape.get(name)
        value = self._values.get(name)
        path = f"{self._path}.{name}" if self._path else name
        if path == ITEMS:  # each has groups of its own, cleaned like those of the message
            shape = {name: self._shape[name] for name in ITEM_GROUPS if name in self._shape}
            return [Record(shape, each) for each in value or ()]
        if path == REASONS:
            return [Record(REASON, each, path) for each in value or ()]
        if path in OUR_OWN or path.startswith(OURS):
            return value
        if below is not None:
            return Record(below, value if isinstance(value, Mapping) else {}, path)
        return cleaned(value, path)

    def __str__(self) -> str:
        return ""


def context_of(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template's variables: one for each group, and those that stand alone."""
    root = Record(shape, values)
    return {name: root.field(name) for name in shape}
