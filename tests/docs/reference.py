"""The reference of the rule language, written from the registries that the reader itself uses."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from service.app.app import SOURCES
from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS, WORDS_ONLY, Field, Sources
from service.rules.language import brand_keys, entries, intervals, model
from service.rules.language.columns import EXTRA_DOC
from service.rules.language.operands import DESCRIBED, KINDS
from service.rules.language.schema import schema_of
from service.rules.language.shape import Shape
from service.rules.language.trigger_shapes import SCOPES, TRIGGERS, scope_of_event
from service.rules.language.values import ROLES, WATCHERS
from service.rules.notification import OPEN_STATES, STATES
from service.rules.scope import Scope

PLACE = Path(__file__).parents[2] / "docs/rules-reference.md"
INTRODUCTION = """\
# Reference of the rule language

Made by `make docs` from the code that reads rules; a test holds the two together.
How to write rules, with ten examples, is in [writing rules](rules.md).
"""
SORTS: Mapping[str, Scope | None] = {
    "`enrollment.*` events": scope_of_event("enrollment.completed"),
    "`stalled_for`": SCOPES["stalled_for"],
    "`change`, `instance.*` events": SCOPES["change"],
    "`course.*` events": scope_of_event("course.modified"),
    "`learner.*` events": scope_of_event("learner.seen"),
    "`letter.*` events": scope_of_event("letter.set_aside"),
    "`source_silent_for`": SCOPES["source_silent_for"],
    "`channel_failing_for`": SCOPES["channel_failing_for"],
}
KNOWN = {word: scope for word, scope in SORTS.items() if scope}
"""What each sort of rule knows of, by what the sort is called."""
TYPES = {
    "text": ("text", "as it is; quote what holds `: `, `#`, `{` or begins with a sign"),
    "texts": ("list", "one value of it after `contains`, `[a, b]` after the others"),
    "enum": ("choice", "one of the values named with the field"),
    "number": ("number", "`80` or `7.5`"),
    "bool": ("yes or no", "`true` or `false`"),
    "time": ("time", "`2026-03-01` or `2026-03-01T08:30`, by `defaults.timezone`, or with a zone"),
    "duration": ("duration", "`7d`, `12h`, `1w2d`, or a number of days"),
    "items": ("items", "for templates only"),
}
"""What a type is called, and how its values are written."""
RECIPIENTS = {
    "learner": "the learner it is about",
    "manager": "the learner's manager who is there, by import or Adobe's API",
    "managers_manager": "the manager's manager",
    WATCHERS: "who asked to be told of this seat; each is told once",
    "group:NAME": "everybody in a group of the import",
}
MEANINGS = {
    "owed": "due, or to be tried again",
    "scheduled": "waits: for company (`collapse`, `bundle`), its list, its window, or the next day",
    "waiting_address": "nobody knows the address yet",
    "held": "a person must let it go: after a storm, while muted, or when a chat may have it",
    "sent": "the mail server or the chat took it",
    "given_up": "refused for good, or its template failed",
    "cancelled": "it was no longer true, or its rule is gone",
    "expired": "it could not leave within `expires_after`",
    "suppressed": "its reader has left, or left the group",
    "dropped": "another message stands for it, or the throttle was reached",
    "shadow": "decided by a rule in `mode: shadow`, and never sent",
}
KEYS: tuple[tuple[str, str, type[Shape]], ...] = (
    ("The file", "", model.FileShape),
    ("defaults", "", model.DefaultsShape),
    ("brand", "", brand_keys.BrandShape),
    ("time_intervals", "Each name has a list of stretches:", intervals.StretchShape),
    ("A rule", "", model.RuleShape),
)
ENTRIES: tuple[tuple[str, str, type[Shape]], ...] = (
    ("An entry of notify that tells a person", "", entries.PersonShape),
    ("An entry of notify that tells a room", "", entries.RoomShape),
    ("A step of escalation", "All that an entry of `notify` takes, and:", entries.StepKeys),
    ("digest", "", entries.DigestShape),
    ("throttle", "", entries.ThrottleShape),
)


def page() -> str:
    """The whole reference."""
    parts = [INTRODUCTION, *(keys(*each) for each in KEYS), triggers(), events(), conditions()]
    parts += [
        operators(),
        kinds(),
        fields(),
        *(keys(*each) for each in ENTRIES),
        recipients(),
        states(),
    ]
    return "\n".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(' '.join(c.split()) for c in line)} |\n" for line in lines)


def keys(title: str, words: str, shape: type[Shape]) -> str:
    """A mapping of the file: each key, whether it must be there, and what it says."""
    rows = (
        (f"`{field.alias or name}`", "yes" if field.is_required() else "", field.description or "")
        for name, field in shape.model_fields.items()
    )
    said = f"{words}\n\n" if words else ""
    return f"## {title}\n\n{said}{table(('key', 'needed', 'says'), rows)}"


def triggers() -> str:
    parts = ["## Triggers\n\nA rule has one of these four.\n"]
    for key, shape in TRIGGERS.items():
        parts.append(keys(key, "", shape).replace("## ", "### ", 1))
    return "\n".join(parts)


def events() -> str:
    rows = ((f"`{each.name}`", each.doc) for each in EVENTS.values())
    return f"## Events\n\n{table(('event', 'means'), rows)}"


def conditions() -> str:
    """Groups of conditions, as the schema describes them."""
    known = schema_of()["definitions"]["condition.any"]["properties"]
    rows = ((f"`{group}`", known[group]["description"]) for group in ("all", "any", "none"))
    said = (
        "A condition is a field with a value, `course.kind: certification`, or with an operator, "
        "`enrollment.score: {gte: 80}`, or a group with a list of conditions. Of the conditions "
        "of a rule all must be true. On a value that is not known every operator is false, but "
        "`ne`, `not_in` and `empty: true` are true, and so may `none` be."
    )
    return f"## Conditions\n\n{said}\n\n{table(('group', 'true when'), rows)}"


def operators() -> str:
    names = dict.fromkeys(name for type_ in KINDS for name in OPERATORS[type_])
    rows = (
        (
            f"`{name}`",
            DESCRIBED[name],
            ", ".join(TYPES[t][0] for t in OPERATORS if name in OPERATORS[t]),
        )
        for name in names
    )
    return f"## Operators\n\n{table(('operator', 'true when the value', 'for'), rows)}"


def kinds() -> str:
    """How values are written."""
    rows = ((name, how) for name, how in TYPES.values())
    return f"## Values\n\n{table(('a', 'is written'), rows)}"


def fields() -> str:
    """Every field, by the first word of its name."""
    extra = Field("learner.fields.COLUMN", "text", EXTRA_DOC, True, True)
    said = (
        "Templates know all of them; `x is known` asks whether there is a value. In a list, "
        "`items` has each of its items with `enrollment`, `course`, `instance`, `learner` and "
        "`event`. `imports` are files and Adobe's reports; names, zones, languages, managers, "
        "active fields, titles and tags come from Adobe's API too, and a link to the course from "
        "`COURSEBELL_<SOURCE>_COURSE_URL`."
    )
    order = list(dict.fromkeys(map(group_of, FIELDS.values())))
    every = sorted((*FIELDS.values(), extra), key=lambda field: order.index(group_of(field)))
    groups = [group(name, list(each)) for name, each in groupby(every, key=group_of)]
    return "\n".join([f"## Fields\n\n{said}\n", *groups])


def group_of(field: Field) -> str:
    return field.name.partition(".")[0] if "." in field.name else ""


def group(name: str, fields: list[Field]) -> str:
    """What each is, and who fills it; where not all rules of the group can read it, that too."""
    sources = Sources({source.name: source.fills for source in SOURCES})
    rules = {word: scope for word, scope in KNOWN.items() if name in scope.readable}
    rows = (
        (f"`{each.name}`", type_of(each), each.doc, filled(each, sources), limits(each, rules))
        for each in fields
    )
    title = f"### {name}" if name else "### Of the message itself"
    said = f"In conditions of rules with: {', '.join(rules)}.\n\n" if rules else ""
    return f"{title}\n\n{said}{table(('field', 'is', 'says', 'filled by', 'but'), rows)}"


def type_of(field: Field) -> str:
    values = ", ".join(f"`{value}`" for value in field.values)
    return f"{TYPES[field.type][0]}: {values}" if values else TYPES[field.type][0]


def filled(field: Field, sources: Sources) -> str:
    told = [*sorted(sources.of(field.name)), *(["imports"] if field.imported else [])]
    return ", ".join(told) or ("Coursebell" if field.name in WORDS_ONLY else "every source")


def limits(field: Field, rules: Mapping[str, Scope]) -> str:
    if not field.in_conditions:
        return "templates only"
    without = [word for word, scope in rules.items() if not scope.reads(field.name)]
    return f"not with {', '.join(without)}" if without else ""


def recipients() -> str:
    assert {*ROLES, WATCHERS, "group:NAME"} == RECIPIENTS.keys()
    rows = (
        (f"`{name}`", meaning, ", ".join(possible(name))) for name, meaning in RECIPIENTS.items()
    )
    return f"## Recipients\n\n{table(('to', 'is', 'in rules with'), rows)}"


def possible(name: str) -> Iterator[str]:
    """The sorts of rules that can tell this recipient."""
    if name not in (*ROLES, WATCHERS):
        yield "every trigger"
        return
    for word, scope in KNOWN.items():
        if scope.has_watchers if name == WATCHERS else scope.has_learner:
            yield word


def states() -> str:
    assert set(STATES) == MEANINGS.keys()
    rows = (
        (f"`{state}`", "open" if state in OPEN_STATES else "ended", MEANINGS[state])
        for state in STATES
    )
    said = "What becomes of a notification; more is in [states](states.md)."
    return f"## States\n\n{said}\n\n{table(('state', 'is', 'means'), rows)}"
