"""The sweep: 100 newly stalled among few and among a million open enrolments."""

import time
from collections.abc import Iterator
from hashlib import blake2b
from statistics import median

from bench.feed import ACCOUNT, COURSES, DAY
from bench.site import BEGIN, Site
from bench.table import Row
from service.app.app import App
from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.enrollment_state import Snapshot
from service.learners.facts import Enrolled, Identity
from service.ledger.store import Append
from service.ledger.store import Row as Stored

FEW = 10_000
APART = 100
NEWLY_STALLED = 100
ASKS = 21
AIM = 1.5
ROWS_PER_COMMIT = 50_000
WEEK = 7 * DAY
LATENESS = 15 * 60_000


def measure(site: Site) -> list[Row]:
    """Asks the two installations in turn; the first asks warm up."""
    apps = [few(site), many(site)]
    site.say("sweep: asking")
    seconds: list[list[float]] = [[], []]
    for turn in range(ASKS):
        now = BEGIN + WEEK + LATENESS + (turn + 1) * NEWLY_STALLED * APART
        for app, taken in zip(apps, seconds, strict=True):
            end, begun = app.ledger.end(), time.perf_counter()
            app.ask(now)
            taken.append((time.perf_counter() - begun) * 1000)
            grown = app.ledger.end() - end
            told = f"expected one ask and one count of the storm guard, got {grown} events"
            assert grown == NEWLY_STALLED + 2 or turn == 0, told
    low, high = seconds[0][1:], seconds[1][1:]
    ratio = median(high) / median(low)
    return [
        Row(
            what=f"ask, decide, append {NEWLY_STALLED} among {site.sizes.open_enrollments:,} open",
            unit="ms", values=high, floor=f"among {FEW:,}:", floors=low, ratios=[ratio],
            aim=f"ratio < {AIM}", reached=ratio < AIM,
        )
    ]  # fmt: skip


def few(site: Site) -> App:
    """An installation with few open enrolments."""
    app = site.app("few", "stalled.yaml")
    fill(app, FEW)
    app.start(BEGIN + WEEK)
    return app


def many(site: Site) -> App:
    """An installation with all the open enrolments, followed and asked once."""
    if "many" not in site.shared:
        app = site.app("many", "stalled.yaml")
        site.say(f"sweep: an installation of {site.sizes.open_enrollments:,} open enrolments")
        fill(app, site.sizes.open_enrollments)
        app.start(BEGIN + WEEK)
        site.shared["many"] = app
    return site.shared["many"]


def fill(app: App, count: int) -> None:
    """Writes enrolments straight into the log, by the library's mapper."""
    rows: list[Stored] = []
    for row in enrollments(app, count):
        rows.append(row)
        if len(rows) >= ROWS_PER_COMMIT:
            append(app, rows)
            rows = []
    append(app, rows)


def append(app: App, rows: list[Stored]) -> None:
    app.ledger.append(Append(rows=rows))


def enrollments(app: App, count: int) -> Iterator[Stored]:
    """Open enrolments whose silences begin one after the other."""
    for n in range(count):
        at = BEGIN + n * APART
        person = f"{at // 1000 & 0xFFFFFFFF:08x}{blake2b(b'%d' % n, digest_size=12).hexdigest()}"
        course = f"course:{1000 + n % COURSES}"
        who = Identity("adobe", ACCOUNT, person, course, "course", f"{course}_1")
        after = Snapshot(status="enrolled", progress=0.0, enrolled_at=at, silent_since=at)
        event = EnrollmentRecorded(
            said=Enrolled(), at=at, key=f"{n:032x}", name="COURSE_ENROLLMENT", recorded_at=at,
            transitions=(Enrolled.TOPIC,), about=who, after=after,
        )  # fmt: skip
        stream = Enrollment.stream(person, who.course, who.instance)
        yield stream, 1, *app.store.mapper.encode(event)
