"""The letters of the demo, in the shapes Adobe documents."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_DNS, uuid5
from zoneinfo import ZoneInfo

import msgspec

from service.demo.academy import ACCOUNT, TIMEZONE, Learner, Training

MONDAY = date(2026, 11, 2)
ZONE = ZoneInfo(TIMEZONE)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LAST = "last "

Event = dict[str, object]


def at(when: str) -> int:
    """`Thu 09:05` of the week, or `last Thu 09:05`, in ms since 1970 UTC."""
    day, clock = when.removeprefix(LAST).split()
    days = DAYS.index(day) - (len(DAYS) if when.startswith(LAST) else 0)
    local = datetime.combine(MONDAY + timedelta(days), time.fromisoformat(clock), ZONE)
    return int(local.timestamp() * 1000)


def letter(*events: Event) -> bytes:
    """A delivery of Adobe's webhook."""
    return msgspec.json.encode({"accountId": ACCOUNT, "events": events})


def enrolled(who: Learner, training: Training, when: str, *, batch: bool = False) -> Event:
    """Somebody enrolled, or was enrolled by an admin."""
    how = {"enrollmentSource": "ADMIN_ENROLL" if batch else "SELF_ENROLL"}
    return _about(who, training, "ENROLLMENT", when, batch, **how, dateEnrolled=_iso(when))


def unenrolled(who: Learner, training: Training, when: str, *, batch: bool = False) -> Event:
    """Somebody left; Adobe spells learning paths in another way here."""
    other = training._replace(id=training.id.replace("learningProgram", "learning_program"))
    return _about(who, other, "UNENROLLMENT", when, batch, enrollmentSource="SELF_ENROLL")


def completed(
    who: Learner, training: Training, when: str, *, batch: bool = False, passed: bool = True
) -> Event:
    """Somebody finished; certifications do not say whether it was passed."""
    said: Event = {"enrollmentSource": "SELF_ENROLL", "dateCompleted": _iso(when)}
    if not training.id.startswith("certification"):
        said["hasPassed"] = passed
    return _about(who, training, "COMPLETED", when, batch, **said)


def rolled_back(who: Learner, training: Training, when: str) -> Event:
    """An admin took a completion back."""
    said = {"enrollmentSource": "SELF_ENROLL", "dateEnrolled": _iso(when)}
    return _about(who, training, "COMPLETION_ROLLBACK", when, True, **said)


def progress(who: Learner, training: Training, when: str, percent: int) -> Event:
    """Somebody did something; this comes from another system of Adobe's, up to 15 minutes late."""
    data = _ids(training) | {
        "userId": who.id, "dateStarted": _iso(when), "progressPercent": percent,
    }  # fmt: skip
    return event("LEARNER_PROGRESS", when, data)


def seats(training: Training, when: str, taken: int, limit: int, waiting: int = 0) -> Event:
    """How many sit in a course and how many wait; no learner and no course id, only numbers."""
    data: Event = {
        "loInstanceId": training.instance, "waitlistCount": waiting, "enrollmentCount": taken,
        "seatLimit": limit,
    }  # fmt: skip
    return event("CI_STATS", when, data)


def event(name: str, when: str, data: Event) -> Event:
    """One event with its envelope; the same words give the same ids."""
    number = uuid5(NAMESPACE_DNS, f"{name} {when} {data}")
    return {
        "eventId": str(number),
        "eventName": name,
        "timestamp": _iso(when),
        "eventInfo": f"{at(when)}-197513-{number.int % 1_000_000}-0",
        "data": data,
    }


def _about(
    who: Learner, training: Training, verb: str, when: str, batch: bool, **said: object
) -> Event:
    kind = training.id.partition(":")[0].lower().replace("_", "")
    noun = {"course": "COURSE", "certification": "CERTIFICATION"}.get(kind, "LEARNING_PATH")
    name = f"{noun}_{verb}{'_BATCH' if batch else ''}"
    return event(name, when, {"userId": who.id, **_ids(training), **said})


def _ids(training: Training) -> Event:
    kind = training.id.partition(":")[0]
    return {"loId": training.id, "loInstanceId": training.instance, "loType": kind}


def _iso(when: str) -> str:
    return datetime.fromtimestamp(at(when) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
