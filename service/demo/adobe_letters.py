"""Write the letters of the demo, in the shapes Adobe documents."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_DNS, uuid5
from zoneinfo import ZoneInfo

import msgspec

from service.demo.academy import ACCOUNT, TIMEZONE, AcademyLearner, Training

MONDAY = date(2026, 11, 2)
ZONE = ZoneInfo(TIMEZONE)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LAST = "last "

Event = dict[str, object]


def at(when: str) -> int:
    """Read `Thu 09:05` of the week, or `last Thu 09:05`, as ms since 1970 UTC."""
    day, clock = when.removeprefix(LAST).split()
    days = DAYS.index(day) - (len(DAYS) if when.startswith(LAST) else 0)
    local = datetime.combine(MONDAY + timedelta(days), time.fromisoformat(clock), ZONE)
    return int(local.timestamp() * 1000)


def letter(*events: Event) -> bytes:
    """Write one delivery of Adobe's webhook."""
    return msgspec.json.encode({"accountId": ACCOUNT, "events": events})


def enrolled(who: AcademyLearner, training: Training, when: str, *, batch: bool = False) -> Event:
    """Say that somebody enrolled, or was enrolled by an admin."""
    how = {"enrollmentSource": "ADMIN_ENROLL" if batch else "SELF_ENROLL"}
    return _about(
        who, training, "ENROLLMENT", when=when, batch=batch, **how, dateEnrolled=_iso(when)
    )


def unenrolled(who: AcademyLearner, training: Training, when: str, *, batch: bool = False) -> Event:
    """Say that somebody left; Adobe spells learning paths in another way here."""
    other = training._replace(id=training.id.replace("learningProgram", "learning_program"))
    return _about(
        who, other, "UNENROLLMENT", when=when, batch=batch, enrollmentSource="SELF_ENROLL"
    )


def completed(
    who: AcademyLearner, training: Training, when: str, *, batch: bool = False, passed: bool = True
) -> Event:
    """Say that somebody finished; certifications do not say whether it was passed."""
    said: Event = {"enrollmentSource": "SELF_ENROLL", "dateCompleted": _iso(when)}
    if not training.id.startswith("certification"):
        said["hasPassed"] = passed
    return _about(who, training, "COMPLETED", when=when, batch=batch, **said)


def rolled_back(who: AcademyLearner, training: Training, when: str) -> Event:
    """Say that an admin took a completion back."""
    said = {"enrollmentSource": "SELF_ENROLL", "dateEnrolled": _iso(when)}
    return _about(who, training, "COMPLETION_ROLLBACK", when=when, batch=True, **said)


def progress(who: AcademyLearner, training: Training, when: str, percent: int) -> Event:
    """Say how far somebody is; another system of Adobe's does so, up to 15 minutes late."""
    said = {"userId": who.id, "dateStarted": _iso(when), "progressPercent": percent}
    return event("LEARNER_PROGRESS", when, _ids(training) | said)


def seats(training: Training, when: str, taken: int, limit: int, waiting: int = 0) -> Event:
    """Say how many sit and how many wait; there is no learner and no course id, only numbers."""
    data: Event = {
        "loInstanceId": training.instance,
        "waitlistCount": waiting,
        "enrollmentCount": taken,
        "seatLimit": limit,
    }
    return event("CI_STATS", when, data)


def event(name: str, when: str, data: Event) -> Event:
    """Write one event with its envelope; the same words give the same ids."""
    number = uuid5(NAMESPACE_DNS, f"{name} {when} {data}")
    return {
        "eventId": str(number),
        "eventName": name,
        "timestamp": _iso(when),
        "eventInfo": f"{at(when)}-197513-{number.int % 1_000_000}-0",
        "data": data,
    }


def _about(
    who: AcademyLearner, training: Training, verb: str, *, when: str, batch: bool, **said: object
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
