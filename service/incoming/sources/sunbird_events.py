"""Tell which events of Sunbird are about an enrollment or the end of an account, and say what.

Two dialects are read: that of the published design (`course-enroll`, the course as object) and
that of the services as shipped (`enrol`, the user as object).

Of accounts the user service asks on the topic `{env}.delete.user`: a `BE_JOB_REQUEST` with the
action `delete-user`. The job that does it also deletes whom the user manages, and tells of the
user among the AUDIT events, by the type `DeleteUserStatus`. On `{env}.lms.user.account.merge` the
action is `merge-user-courses-and-cert`. No page documents any of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from service.incoming.sources.parsing import (
    Scalar,
    Unusable,
    event_time,
    identifier,
    key_of,
    percent,
    required,
    type_name,
)
from service.learners.facts import (
    Completed,
    Enrolled,
    Fact,
    FactBody,
    LearnerLeft,
    LearnerMerged,
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
    """Hold what happened; forks write all sorts of `progress`. The last five are of a job."""

    type: Scalar = None
    state: Scalar = None
    progress: Any = None
    action: Any = None
    user_id: Any = msgspec.field(default=None, name="userId")
    managed_users: Any = None
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
        return without_provider(event.object.id, "object.id")
    if event.actor is not None and sort_of(event.actor) == USER:
        return without_provider(event.actor.id, "actor.id")
    raise Unusable("actor: expected an actor or an object of type User, got neither")


def without_provider(value: Scalar, field: str) -> str:
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


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


JOB = "BE_JOB_REQUEST"
DELETE_USER = "delete-user"
MERGE = "merge-user-courses-and-cert"
"""The job by which an account takes over what another has (`<env>.lms.user.account.merge`)."""
JOBS = (DELETE_USER, MERGE)
DELETED_STATUS = "deleteuserstatus"
"""The type of the AUDIT event, as `name_of` calls it."""
NO_IDS = "edata.userId: expected an id, and in managed_users a list of ids, got something else"


class UserDeletion(msgspec.Struct, gc=False, rename={"user_id": "userId"}):
    """Hold whose accounts a job deletes: a user's, and those of whom the user manages."""

    user_id: Scalar = None
    managed_users: list[Scalar] | None = None


def action_of(event: Audit) -> str:
    """Read what a job is to do, as it is written here; empty if missing."""
    return action_in((event.edata or _NO_EDATA).action)


def action_in(said: object) -> str:
    """Read the action of a job in whatever spelling."""
    return _word(said).replace("_", "-")


def leavers_in(event: Audit) -> list[str]:
    """Read who leaves by a job, each once; raises Unusable if nobody is named."""
    try:
        edata = event.edata
        said = {"userId": edata and edata.user_id, "managed_users": edata and edata.managed_users}
        found = msgspec.convert(said, UserDeletion)
    except msgspec.ValidationError:
        raise Unusable(NO_IDS) from None
    of_object, field = event.object.id if event.object else None, "edata.userId"
    user = without_provider(identifier(found.user_id, field) or of_object, field)
    led = (identifier(each, "edata.managed_users") for each in found.managed_users or ())
    managed = (without_provider(each, "edata.managed_users") for each in led if each)
    return list(dict.fromkeys((user, *managed)))


def left(event: Audit, name: str, received_at: int) -> list[Fact]:
    """Make a fact for everybody who leaves by an event of this name; raises Unusable."""
    who = leavers_in(event) if name == DELETE_USER else [learner_of(event)]
    own = name, state_of(event)
    return [_of_account(event, received_at, person, said=LearnerLeft(), own=own) for person in who]


def merged(event: Audit, name: str, received_at: int) -> list[Fact]:
    """Make the fact that one account was merged into another; raises Unusable."""
    said = event.edata or _NO_EDATA
    account = without_provider(said.from_account, "edata.fromAccountId")
    into = without_provider(said.to_account, "edata.toAccountId")
    if account == into:
        raise Unusable("edata.toAccountId: expected another account, got that of fromAccountId")
    fact = _of_account(event, received_at, account, said=LearnerMerged(), own=(name,))
    return [replace(fact, into=("sunbird", "", into))]


def _of_account(
    event: Audit,
    received_at: int,
    person: str,
    *,
    said: LearnerLeft | LearnerMerged,
    own: tuple[str, ...],
) -> Fact:
    """Make a fact on an account; `own` is its name, and what else tells it from others."""
    occurred_at = event_time(event.ets, "ets", received_at)
    mid = "" if event.mid is None else str(event.mid).strip()
    return Fact(
        source="sunbird",
        account="",
        name=own[0],
        key=key_of(
            ("sunbird", "", *own, mid, str(occurred_at)),
            occurred_at,
            course="",
            instance=None,
            said=said,
        ),
        occurred_at=occurred_at,
        said=said,
        course="",
        kind="",
        person=person,
    )
