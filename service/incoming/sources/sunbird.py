"""Read the AUDIT events of Sunbird's telemetry, and its jobs on accounts, as facts."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec

from service.incoming.sources import sunbird_events as audit
from service.incoming.sources.parsing import (
    LONGEST_NAME,
    UNREADABLE,
    Scalar,
    Unusable,
    display_name,
    event_time,
    items_of,
    key_of,
    type_name,
    unknown_name,
    utf8_json,
    why_unreadable,
)
from service.incoming.sources.source import Ignored, Item, SetAside, Source
from service.learners.facts import Fact, Timing

AUDIT = "AUDIT"
CERTIFICATE = "certificate-issued"
KNOWN = (*audit.TYPES, *audit.STEPS)
EXPECTED = "edata.type: expected a type we know"
OTHERWISE = "update Coursebell, or leave it out at Sunbird"
EXPECTED_PART = f"object.type: expected {', '.join(audit.UNITS.values())}, got another"


class SunbirdEvent(audit.Audit, gc=False):
    """Hold one telemetry event."""

    eid: Scalar = None


class SunbirdLetter(SunbirdEvent, gc=False):
    """Hold a whole letter: one event, or a wrapper around many."""

    events: list[SunbirdEvent] | None = None


class SunbirdRawLetter(msgspec.Struct, gc=False):
    """Hold a whole letter with its events still as bytes."""

    eid: Any = None
    edata: Any = None
    events: list[msgspec.Raw] | None = None


class SunbirdEventName(msgspec.Struct, gc=False):
    """Hold the name of an event of any shape."""

    eid: Scalar = None


class GlanceEdata(msgspec.Struct, gc=False):
    """Hold what a job is to do."""

    action: Any = None


class Glance(msgspec.Struct, gc=False):
    """Hold the least that tells whether a letter, or an event in it, may be for us."""

    eid: str | None = None
    edata: GlanceEdata | None = None
    events: list["Glance"] | None = None

    @property
    def is_for_us(self) -> bool:
        """Tell whether an event may say something to us."""
        if self.eid == audit.JOB:
            return self.edata is not None and audit.action_in(self.edata.action) in audit.JOBS
        return self.eid is None or self.eid == AUDIT


_letter = msgspec.json.Decoder(SunbirdLetter | list[SunbirdEvent])
_unread = msgspec.json.Decoder(SunbirdRawLetter | list[msgspec.Raw])
_event = msgspec.json.Decoder(SunbirdEvent)
_named = msgspec.json.Decoder(SunbirdEventName)
_glance = msgspec.json.Decoder(Glance | list[Glance])


class Sunbird(Source):
    """Read what Sunbird says: an event, an array, or a wrapper `{"events": […]}`.

    What its services say goes through logs and batches, and may come 75 seconds late. The
    channel is no account: the services disagree about it for one and the same enrollment, and ids
    are unique in an installation (decision 13).
    """

    name = "sunbird"
    fills = frozenset({"enrollment.enrolled_at", "instance.id"})
    timing = Timing(lateness=75_000, again_after=None)

    def wants(self, body: bytes) -> bool:
        """Want all but what can be read and has no AUDIT event and no job on accounts in it."""
        try:
            letter = _glance.decode(utf8_json(body))
        except UNREADABLE:
            return True
        events: Sequence[Glance] = letter if isinstance(letter, list) else [letter]
        if isinstance(letter, Glance) and letter.eid is None:
            if letter.events is None:
                return True
            events = letter.events
        return any(event.is_for_us for event in events)

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """Make one item per event; an empty body and a wrapper without events have none.

        The deletion of a user has one more for each whom that user manages.
        """
        return items_of(body, lambda text: _items(text, received_at))


def _items(body: bytes, received_at: int) -> list[Item]:
    try:
        letter = _letter.decode(body)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return _one_by_one(body, received_at)
    if isinstance(letter, list):
        return _all(_of_event(event, received_at) for event in letter)
    if _is_event(letter):
        return _of_event(letter, received_at)
    return _all(_of_event(event, received_at) for event in letter.events or ())


def _all(items: Iterable[list[Item]]) -> list[Item]:
    return list(chain.from_iterable(items))


def _one_by_one(body: bytes, received_at: int) -> list[Item]:
    """Read event by event, so that what is odd in one costs no other: slower."""
    letter = _unread.decode(body)
    if isinstance(letter, SunbirdRawLetter) and _is_event(letter):
        return _of_bytes(body, received_at)
    raws = letter if isinstance(letter, list) else letter.events or ()
    return _all(_of_bytes(bytes(raw), received_at) for raw in raws)


def _is_event(letter: SunbirdLetter | SunbirdRawLetter) -> bool:
    """Tell an event from a wrapper, which has no `eid`; an event may have lost its own too."""
    return letter.eid is not None or (letter.events is None and letter.edata is not None)


def _of_bytes(body: bytes, received_at: int) -> list[Item]:
    name: Scalar = None
    try:
        name = _named.decode(body).eid
        if isinstance(name, str) and name not in (AUDIT, audit.JOB):
            return [_other(name)]
        return _of_event(_event.decode(body), received_at)
    except UNREADABLE as error:
        return [SetAside(display_name(name), why_unreadable(error, body, "event"))]


def _of_event(event: SunbirdEvent, received_at: int) -> list[Item]:
    if not isinstance(event.eid, str):
        return [SetAside("", f"eid: expected text, got {type_name(event.eid)}")]
    if event.eid not in (AUDIT, audit.JOB):
        return [_other(event.eid)]
    name = event.eid
    try:
        name = audit.name_of(event) if name == AUDIT else audit.action_of(event)
        if event.eid == audit.JOB:
            return [*_job(event, name, received_at)]
        if name == audit.DELETED_STATUS:
            return [*audit.left(event, name, received_at)]
        if name not in audit.MEANS:
            return [_without_meaning(event, name)]
        return [_fact(name, event, received_at)]
    except Unusable as error:
        return [error.set_aside(display_name(name))]


def _job(event: SunbirdEvent, action: str, received_at: int) -> Sequence[Item]:
    if action == audit.DELETE_USER:
        return audit.left(event, action, received_at)
    if action == audit.MERGE:
        return audit.merged(event, action, received_at)
    return [Ignored(display_name(action) or audit.JOB, "a job that says nothing about a learner")]


def _other(eid: str) -> Ignored:
    return Ignored(display_name(eid), "telemetry other than AUDIT says nothing about an enrollment")


def _without_meaning(event: SunbirdEvent, name: str) -> Item:
    """Set aside only what may be about an enrollment: AUDIT tells of much else."""
    in_batch = audit.related(event, audit.BATCH) is not None
    if name.startswith(CERTIFICATE):
        return Ignored(display_name(name), "a certificate changes no enrollment")
    if not in_batch and not (name and audit.is_of_a_course(event)):
        return Ignored(display_name(name) or AUDIT, "it is not about an enrollment")
    if not name:
        return SetAside(AUDIT, "edata.type: expected text, got nothing")
    if name in audit.STEPS:
        return SetAside(name, EXPECTED_PART)
    reason = unknown_name(EXPECTED, name[:LONGEST_NAME], KNOWN, OTHERWISE)
    return SetAside(display_name(name), reason)


def _fact(name: str, event: SunbirdEvent, received_at: int) -> Fact:
    occurred_at = event_time(event.ets, "ets", received_at)
    said = audit.MEANS[name](event)
    course, person = audit.course_of(event), audit.learner_of(event)
    batch = audit.related(event, audit.BATCH)
    # Several events of one request share a mid, and it may be missing.
    own = (
        audit.state_of(event),
        "" if event.mid is None else str(event.mid).strip(),
        audit.thing_of(event, person),
        batch or "",
        str(occurred_at),
    )
    return Fact(
        source="sunbird",
        account="",
        name=name,
        key=key_of(("sunbird", "", name, *own), occurred_at, course, batch, said),
        occurred_at=occurred_at,
        said=said,
        course=course,
        kind="course",
        instance=audit.batch_named(batch, course),
        person=person,
    )
