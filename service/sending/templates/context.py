"""Show templates the registry's fields, each cleaned when it is read."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context

from service.learners.text_form import locale_form
from service.rules.fields import FIELDS, ITEM_GROUPS, ITEMS, WORDS_ONLY, Reading

TEXT_LENGTH_MAX = 200
URL_LENGTH_MAX = 2_000
LIST_LENGTH_MAX = 100

# C0 and C1 controls, line and paragraph separators, bidirectional marks and overrides,
# the byte order mark, halves of surrogate pairs and invisible tag characters.
# Joiners (U+200C, U+200D) stay: Hindi, Persian and emoji need them.
HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
BLANKS = re.compile(r"\s+")
WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>\\`{|}^]+", re.IGNORECASE)
ADDRESSES = ("course.url", "instance.watch_url")
LINK_IN_A_NAME = re.compile(r"://|\bwww\.", re.IGNORECASE)

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
MONTH_NAMES = {language: tuple(names.split()) for language, names in MONTHS.items()}
DATE_FORMS = {"en": "{day} {month} {year}", "de": "{day}. {month} {year}"}
MORE_FORMS = {"en": "and {more} more", "de": "und {more} weitere"}
TIME_FORMS = {"en": "{date}, {time} {zone}", "de": "{date}, {time} Uhr ({zone})"}


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


def language_of(locale: str) -> str:
    """Give the language of a locale as `locale_form` writes it; English where it says none."""
    return locale.partition("-")[0] or "en"


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


def written_more(more: int, language: str) -> str:
    """Write `and 12 more`, in languages we know, and `+12` in all others."""
    return MORE_FORMS.get(language, "+{more}").format(more=more)


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


STYLING_MAX = 50_000_000
NESTING_MAX = 2_000
TAGS = re.compile(r"<(/?)([a-z][a-z0-9:-]*)", re.IGNORECASE)
VOID_ELEMENTS = "area base br col embed hr img input link meta param source track wbr"
"""They hold nothing (https://html.spec.whatwg.org/multipage/syntax.html#void-elements)."""


def too_much_in(html: str) -> str:
    """Say what of a page is too much for who writes its style into its tags; nothing for none.

    Every rule is tried on every tag, and nobody else runs meanwhile (measured: 3 ns for each
    character of style and tag); and a page some 7,000 elements deep ends the process.
    """
    tags = html.count("<")
    style = _style_in(html) if len(html) * tags > STYLING_MAX else 0
    if style * tags > STYLING_MAX:
        return (
            f"expected characters of style times tags of at most {STYLING_MAX}, got {style} times "
            f"{tags}; shorten the style, or write it into a few tags"
        )
    depth = _nesting_of(html) if tags > NESTING_MAX else 0
    if depth > NESTING_MAX:
        return f"expected at most {NESTING_MAX} open tags, got {depth}; write their end tags"
    return ""


def _style_in(html: str) -> int:
    sheets = html.lower().split("<style")[1:]
    return sum(len(sheet.partition("</style")[0]) for sheet in sheets)


def _nesting_of(html: str) -> int:
    """Count the tags that are open at once, at most; an end without a beginning ends nothing."""
    without_end = frozenset(VOID_ELEMENTS.split())
    opened, depth, deepest = Counter[str](), 0, 0
    for end, name in TAGS.findall(html.lower()):
        if not end and name not in without_end:
            opened[name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif end and opened[name]:
            opened[name] -= 1
            depth -= 1
    return deepest


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


def written_date(time: datetime, language: str) -> str:
    """Write `8 November 2024`, in languages we know, and `2024-11-08` in all others."""
    if language not in DATE_FORMS:
        return time.date().isoformat()
    month = MONTH_NAMES[language][time.month - 1]
    return DATE_FORMS[language].format(day=time.day, month=month, year=time.year)


@pass_context
def date_filter(context: Context, value: object) -> str:
    """Render the template filter `date`: a day in the reader's zone; nothing when unknown."""
    time = moment(value, context["_zone"])
    return written_date(time, context["_language"]) if time else ""


@pass_context
def datetime_filter(context: Context, value: object) -> str:
    """Render the template filter `datetime`: day, hour and zone; nothing when unknown."""
    time = moment(value, context["_zone"])
    if not time:
        return ""
    language = context["_language"]
    zone = time.strftime("%Z")
    return TIME_FORMS.get(language, "{date} {time} {zone}").format(
        date=written_date(time, language),
        time=time.strftime("%H:%M"),
        zone=zone if zone.isalpha() else f"UTC{zone}",
    )


@pass_context
def percent_filter(context: Context, value: object) -> str:
    """Render the template filter `percent`: `42%`, in German `42 %` with a hard space."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    space = "\N{NO-BREAK SPACE}" if context["_language"] == "de" else ""
    return f"{value:.10g}{space}%"


Shape = dict[str, "Shape | None"]

ANY = "*"
EXTRA_COLUMNS = "learner.fields.*"


def shape_of(fields: Iterable[str]) -> Shape:
    """Turn dotted names into a tree: `{"course": {"id": None, "title": None}, "others": None}`.

    Extra columns of an import, `learner.fields.<column>`, may have any name.
    """
    shape: Shape = {}
    for dotted in (*fields, EXTRA_COLUMNS):
        *groups, last = dotted.split(".")
        branch = shape
        for group in groups:
            below = branch.setdefault(group, {})
            branch = below if below is not None else {}
        branch.setdefault(last, None)
    return shape


def knows(shape: Shape, path: Iterable[str]) -> bool:
    """Tell whether a path ends at a field, not at a group and not beside the tree."""
    branch: Shape | None = shape
    for name in path:
        if branch is None or (name not in branch and ANY not in branch):
            return False
        branch = branch.get(name)
    return branch is None


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
        if path == ITEMS:
            return self._items(value)
        if below is not None:
            return Record(below, value if isinstance(value, Mapping) else {}, path)
        return cleaned(value, path)

    def _items(self, values: Any) -> list["Record"]:
        """Show each item with groups of its own, cleaned like those of the message."""
        shape = {name: self._shape[name] for name in ITEM_GROUPS if name in self._shape}
        return [Record(shape, value) for value in values or ()]

    def __str__(self) -> str:
        return ""


def context_of(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template's variables: one for each group, and those that stand alone."""
    root = Record(shape, values)
    return {name: root.field(name) for name in shape}
