"""Schema of scripts: what rule tests can say, for editors that complete and explain it."""

from collections.abc import Iterable, Mapping, Sequence

from service.rules.fields import EVENTS, KINDS
from service.rules.language.schema import DIALECT
from service.rules.language.shape import Schema
from service.rules.language.values import DURATION, named
from service.rules.rule import Rule
from service.rules.text import listed
from service.simulation.rule_tests.events import EVENTS as GIVEN
from service.simulation.rule_tests.events import carried
from service.simulation.rule_tests.file import COURSE, NOT_SENT, PERSON

WORDS: Schema = {"type": ["string", "number", "boolean"]}
LIST: Schema = {"type": "array", "items": WORDS}
TRUTH: Schema = {"enum": [True, False, "true", "false"]}
SPAN: Schema = {"anyOf": [DURATION.json_schema(), {"enum": [0, "0", "0d", "0h", "0m"]}]}
VALUES: Mapping[str, Schema] = {
    "groups": LIST, "tags": LIST, "parents": LIST, "fields": {"type": "object"},
    "kind": named(KINDS), "passed": TRUTH,
}  # fmt: skip
"""What is no text and no number."""
WISHED = {
    "watch.asked": "a person asked to be told of a free seat",
    "watch.stopped": "a person does not wish to be told any more",
}
SAID = {
    "name": "What the LMS calls the event, if conditions read it.",
    "by_admin": "Whether an administrator did it.",
    "learner": "Who it is about, a name under `people`.",
    "course": "Which course, a name under `courses`.",
    "instance": "Which session or batch of the course, any id.",
    "source": "Of which LMS; adobe if left out.",
    "account": "Of which account of the LMS.",
}


def script_schema(rules: Sequence[Rule], sources: Sequence[str]) -> Schema:
    """The schema of a file of tests for these rules; of sources it knows these."""
    people, courses = _named("person", PERSON), _named("course", COURSE)
    everywhere = {
        "people": people | {"description": "Who there is, each by an LMS id of your choice."},
        "courses": courses | {"description": "Which courses there are, each by its LMS id."},
    }
    tests = {"type": "array", "minItems": 1, "items": _test(rules, sources, everywhere)}
    tests["description"] = "Each is played by itself, with the people and courses of the file."
    return {
        "$schema": DIALECT, "title": "Coursebell rule tests",
        **_mapping({**everywhere, "tests": tests}, "tests"),
    }  # fmt: skip


def _test(
    rules: Sequence[Rule], sources: Sequence[str], everywhere: Mapping[str, Schema]
) -> Schema:
    expect, skipped = _expected(rules), _skipped(rules)
    keys = {
        "name": _told("What must be so, the only test of that name.", WORDS),
        "start": _told("When it begins, e.g. 2026-03-02 09:00; else a Monday at 09:00.", WORDS),
        **everywhere,
        "given": _told("What happens, each at its time.", _list(_given(sources))),
        "feeds_fall_silent": _told("Whether a source that says nothing more is silent.", TRUTH),
        "until": _told("How long it is played, 31 days after the last event if left out.", SPAN),
        "expect": _told("Who is told what; `[]` is nobody.", _list(expect)),
        "expect_skipped": _told("What is decided and does not leave.", _list(skipped)),
        "expect_nothing_else": _told("Whether more that is sent is a failure; true.", TRUTH),
    }
    return _mapping(keys, "name", "given")


def _given(sources: Sequence[str]) -> Schema:
    docs = {event.name: event.doc for event in EVENTS.values()} | WISHED
    values = {name: _value(name) for event in GIVEN for name in carried(event)}
    keys = {
        "at": _told("How long after the start, e.g. 2d or 1h30m.", SPAN),
        "event": _told("What happens.", named(GIVEN, (docs[name] for name in GIVEN))),
        **{name: _told(doc, _value(name)) for name, doc in SAID.items()},
        **{name: _told(_carried_by(name), value) for name, value in values.items()},
    }
    keys["source"] = _told(SAID["source"], named(sources))
    keys["by_admin"] = _told(SAID["by_admin"], TRUTH)
    return _mapping(keys, "at", "event")


def _carried_by(name: str) -> str:
    return f"Said by {listed(event for event in GIVEN if name in carried(event))}."


def _expected(rules: Sequence[Rule]) -> Schema:
    return _mapping(
        {
            **_notification(rules),
            "at": _told("When it is sent, counted from the start.", SPAN),
            "subject": _told("What is in the subject.", WORDS),
            "text": _told("What is in the text.", WORDS),
        },
        "rule",
    )


def _skipped(rules: Sequence[Rule]) -> Schema:
    return _mapping(
        {
            **_notification(rules),
            "state": _told("How it ends, or waits.", named(NOT_SENT)),
            "reason": _told("What is in the reason, e.g. throttle.", WORDS),
        },
        "rule",
    )


def _notification(rules: Sequence[Rule]) -> dict[str, Schema]:
    entries = [entry for rule in rules for entry in rule.entries]
    ids = named((rule.id for rule in rules), (rule.description or rule.id for rule in rules))
    return {
        "rule": _told("Because of which rule.", ids),
        "to": _told("To whom, a name under `people`.", WORDS),
        "post": _told("Into which room.", named(_once(e.post for e in entries if e.post))),
        "template": _told("With which words.", named(_once(e.template for e in entries))),
    }


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _named(what: str, keys: Iterable[str]) -> Schema:
    doc = "Of the {}: {}."
    values = {key: _told(doc.format(what, key.replace("_", " ")), _value(key)) for key in keys}
    return {"type": "object", "additionalProperties": _mapping(values)}


def _value(name: str) -> Schema:
    return VALUES.get(name, WORDS)


def _told(description: str, value: Schema) -> Schema:
    return {"description": description, **value}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _mapping(keys: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(keys),
    }
