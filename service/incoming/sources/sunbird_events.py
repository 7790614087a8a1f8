"""Tell which AUDIT events of Sunbird are about an enrollment, and what they say.

Two dialects are read: that of the published design (`course-enroll`, the course as object) and
that of the services as shipped (`enrol`, the user as object).
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from service.incoming.sources.parsing import (
    Scalar,
    Unusable,
    identifier,
    percent,
    required,
    type_name,
)
from service.learners.facts import (
    Completed,
    Enrolled,
    FactBody,
    ModuleCompleted,
    ProgressReported,
    Started,
    Unenrolled,
)


class Thing(msgspec.Struct, gc=False):
    """Hold something with a type: an actor, or a thing an event is related to."""

    id: Scalar = None
    type: Scalar = None


class Rollup(msgspec.Struct, gc=False):
    """Hold what the object is a part of; `l1` is the course."""

    l1: Scalar = None


class Object(Thing, gc=False):
    """Hold what was changed."""

    rollup: Rollup | None = None


class Context(msgspec.Struct, gc=False):
    """Hold where an event happened; `cdata` comes in any order."""

    cdata: list[Thing | None] | None = None


class Edata(msgspec.Struct, gc=False):
    """Hold what happened; forks write all sorts of `progress`. The last three are of a job."""

    type: Scalar = None
    state: Scalar = None
    progress: Any = None
    action: Scalar = None
    from_account: Scalar = msgspec.field(default=None, name="fromAccountId")
    to_account: Scalar = msgspec.field(default=None, name="toAccountId")


class Audit(msgspec.Struct, gc=False):
    """Hold one AUDIT event; anything may be missing."""

    ets: Scalar = None
    mid: Scalar = None
    actor: Thing | None = None
    context: Context | None = None
    object: Object | None = None
    edata: Edata | None = None


_NO_CONTEXT, _NO_EDATA, _NOTHING = Context(), Edata(), Object()
COURSE, BATCH, USER = "course", "coursebatch", "user"
UNITS = {
    "content": "Content",
    "courseunit": "CourseUnit",
    "textbookunit": "TextBookUnit",
    "collection": "Collection",
}
"""What a course is made of, as Sunbird spells it."""


def _enrolled_or_left(event: Audit) -> FactBody:
    """Read the state, for the services as shipped say `enrol` for both."""
    return Unenrolled() if state_of(event) == "update" else Enrolled()


def _completed_unit(event: Audit) -> FactBody:
    return ModuleCompleted(module=required((event.object or _NOTHING).id, "object.id"))


def _progress(event: Audit) -> FactBody:
    """Read the percent; one nobody can read is none: the learner was active all the same."""
    said = (event.edata or _NO_EDATA).progress
    try:
        return ProgressReported(percent=percent(said, "edata.progress"))
    except (Unusable, TypeError):
        return ProgressReported()


STEPS: Mapping[str, Callable[[Audit], FactBody]] = {
    "start": lambda _: Started(),
    "complete": _completed_unit,
}
"""What is said of a part of a course; of other objects these words mean something else."""

TYPES: Mapping[str, Callable[[Audit], FactBody]] = {
    "enrol": _enrolled_or_left,
    "course-enroll": _enrolled_or_left,
    "unenrol": lambda _: Unenrolled(),
    "course-unenroll": lambda _: Unenrolled(),
    "enrol-complete": lambda _: Completed(),
    "course-complete": lambda _: Completed(),
    "progress-update": _progress,
}
MEANS: Mapping[str, Callable[[Audit], FactBody]] = {
    **TYPES,
    **{f"{unit} {step}": says for unit in UNITS.values() for step, says in STEPS.items()},
}
"""What each event says, by what `name_of` calls it."""


def name_of(event: Audit) -> str:
    """Read `edata.type` in small letters, behind the object's type where a course has parts.

    Empty if missing; raises Unusable if it is no text.
    """
    said = (event.edata or _NO_EDATA).type
    if said is not None and not isinstance(said, str):
        raise Unusable(f"edata.type: expected text, got {type_name(said)}")
    name, unit = _word(said), UNITS.get(sort_of(event.object))
    return f"{unit} {name}" if unit and name in STEPS else name


def state_of(event: Audit) -> str:
    """Read `edata.state` in small letters, empty if missing."""
    return _word((event.edata or _NO_EDATA).state)


def is_of_a_course(event: Audit) -> bool:
    """Tell whether the object is a course or a part of one."""
    sort = sort_of(event.object)
    return sort == COURSE or sort in UNITS


def context_of(event: Audit) -> Context:
    """Read where an event happened."""
    return event.context or _NO_CONTEXT


def sort_of(thing: Thing | None) -> str:
    """Read the type of a thing in small letters, empty if there is none."""
    return "" if thing is None else _word(thing.type)


def related(event: Audit, sort: str) -> str | None:
    """Read the id of the first related thing of a type, wherever in the list it stands."""
    for thing in context_of(event).cdata or ():
        if thing is not None and sort_of(thing) == sort:
            found = identifier(thing.id, "context.cdata.id")
            if found is not None:
                return found
    return None


def learner_of(event: Audit) -> str:
    """Read whom an event is about; raises Unusable if nobody."""
    if event.object is not None and sort_of(event.object) == USER:
        return _without_provider(event.object.id, "object.id")
    if event.actor is not None and sort_of(event.actor) == USER:
        return _without_provider(event.actor.id, "actor.id")
    raise Unusable("actor: expected an actor or an object of type User, got neither")


def merged_accounts(event: Audit) -> tuple[str, str]:
    """Read which account was merged, and into which; raises Unusable."""
    said = event.edata or _NO_EDATA
    merged = _without_provider(said.from_account, "edata.fromAccountId")
    into = _without_provider(said.to_account, "edata.toAccountId")
    if merged == into:
        raise Unusable("edata.toAccountId: expected another account, got that of fromAccountId")
    return merged, into


def action_of(event: Audit) -> str:
    """Read what a job is to do, in small letters, empty if missing."""
    return _word((event.edata or _NO_EDATA).action)


def _without_provider(value: Scalar, field: str) -> str:
    """Take the provider off a federated id: `f:<provider>:<id>` is the same user as `<id>`."""
    found = required(value, field)
    parts = found.split(":", 2)
    return required(parts[2], field) if parts[0] == "f" and len(parts) == 3 else found


def course_of(event: Audit) -> str:
    """Read the course; raises Unusable if none is named."""
    found, thing = related(event, COURSE), event.object
    if found is None and thing is not None and thing.rollup is not None:
        found = identifier(thing.rollup.l1, "object.rollup.l1")
    if found is None and thing is not None and sort_of(thing) == COURSE:
        found = identifier(thing.id, "object.id")
    if found is None:
        raise Unusable("context.cdata: expected a Course in it, or object.rollup.l1, got neither")
    return found


def batch_named(said: str | None, course: str) -> str | None:
    """Name a batch in one way: a fork writes `batch:course` for what others call `batch`."""
    return said and (said.removesuffix(f":{course}").strip() or said)


def thing_of(event: Audit, person: str) -> str:
    """Read the object's id, empty when it is the learner: what names the person is in no key."""
    thing = event.object
    if thing is None or sort_of(thing) == USER:
        return ""
    found = identifier(thing.id, "object.id") or ""
    return "" if found == person else found


def _word(value: Scalar) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
