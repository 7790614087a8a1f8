"""Histories by hypothesis: a rule file, letters early and late, wishes, and hours of sleep."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from service.rules.readers.choices import Choices, OwnHours, OwnList
from tests.installation import START, completed, enrolled, event, progressed, seats, unenrolled
from tests.installation import about as about_user
from tests.simulation.conformance import BOSS, STEP, Past, Wish
from tests.simulation.generated_rules import DAY_STEPS, HOUR_STEPS, HOURS, entries_of, rule, times

TWINS = (83, 84)
LEARNERS = (77, 78, 77, 78, 79, 80, 81)
COURSES = ("course:7", "course:7", "course:8")
SESSIONS = ("1", "1", "1", "2", None)
"""A course has two sessions, and not every letter says in which of them."""
ENDS = ("LEARNING_OBJECT_INSTANCE_DELETION", "LEARNING_OBJECT_DELETION")
CHANGES = ("LEARNING_OBJECT_INSTANCE_MODIFICATION", "LEARNING_OBJECT_MODIFICATION")
LEFT = tuple(map(frozenset, (("78",), ("90",), ("77", "90"), ("79", "80"))))
"""Learners, a manager of whom nobody knows who leads them, and both."""
KINDS = ("on", "on", "more", "more", "done", "off", "back", "place", *("seats",) * 4)


@st.composite
def pasts(draw: st.DrawFn, days: int = 3, letters: int = 30) -> Past:
    """A rule file and what happened in some days."""
    steps = draw(st.integers(1, days)) * DAY_STEPS
    defaults: dict[str, Any] = {"timezone": draw(st.sampled_from(("UTC", "Europe/Berlin")))}
    window = draw(st.sampled_from((None, None, *HOURS)))
    if window:
        defaults["send_window"] = window
    if draw(st.booleans()):
        defaults["bundle"] = draw(times(1, 2 * HOUR_STEPS))
    if draw(st.sampled_from((False, False, True))):
        defaults["at_most"] = {"messages": draw(st.integers(1, 2)), "per": "day"}
    count = draw(st.integers(1, 3))
    rules = [draw(rule(f"rule-{n}", window is not None)) for n in range(count)]
    down: set[int] = set()
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        begin = draw(st.integers(1, steps))
        down |= set(range(begin, begin + draw(st.integers(1, 2 * DAY_STEPS // 3))))
    step = st.integers(0, steps)
    many = draw(st.integers(1, letters))
    moments = draw(st.lists(step, min_size=many, max_size=many, unique=True))
    watching = any(e.get("to") == "watchers" for r in rules for e in entries_of(r))
    wished = draw(st.dictionaries(step, wishes, max_size=6)) if watching else {}
    by_reader = any(e.keys() & {"digest", "throttle"} for r in rules for e in entries_of(r))
    by_reader |= bool(defaults.keys() & {"bundle", "at_most"}) or any("bundle" in r for r in rules)
    merging = not by_reader and draw(st.booleans())
    learners = [(each,) for each in LEARNERS]
    learners += [(83,), (84,), (83, 84), (84, 83)] if merging else []
    return Past(
        rules="\n".join(f"  - {json.dumps(each)}" for each in rules),
        letters={at: tuple(draw(happened(at, learners))) for at in sorted(moments)},
        steps=steps,
        head=f"defaults: {json.dumps(defaults)}\ntime_intervals: {json.dumps(HOURS)}",
        wishes=wished,
        down=frozenset(down),
        storm_limit=draw(st.sampled_from((500, 500, 500, 2))),
        left=draw(st.sampled_from((frozenset(), frozenset(), frozenset(), *LEFT))),
        merges=draw(merges(step)) if merging else {},
        choices=draw(st.dictionaries(step, choices(), max_size=8)),
    )


wishes = st.builds(
    Wish, st.sampled_from((77, 78, 79, *TWINS)), st.sampled_from((True, True, False))
)


def choices() -> st.SearchStrategy[tuple[str, Choices]]:
    """What a reader may want: less, later, or all as it was, so that what waits leaves earlier."""
    chosen = st.builds(
        Choices,
        stopped=st.sampled_from(((), (), ("rule-0",), ("rule-1", "rule-2"))),
        stopped_all=st.sampled_from((False, False, False, True)),
        own_list=st.sampled_from((None, None, OwnList("day", 480), OwnList("week", 600, 2))),
        own_hours=st.sampled_from((None, None, OwnHours((0, 1, 2, 3), 540, 720))),
        back_on=st.sampled_from((None, None, "2026-11-17", "2026-11-18")),
        timezone=st.sampled_from((None, None, "Asia/Tokyo")),
    )
    wanted = st.one_of(chosen, st.just(Choices()))
    return st.tuples(st.sampled_from(("ada@example.org", "GRACE@example.org", BOSS)), wanted)


def merges(step: st.SearchStrategy[int]) -> st.SearchStrategy[dict[int, tuple[int, int | None]]]:
    """One twin is merged into the other now and then, and out again.

    Digests, bundles and limits count by reader, who is read as known today: there they are not two.
    """
    said = st.sampled_from(((83, 84), (83, 84), (84, 83), (83, None)))
    return st.dictionaries(step, said, min_size=1, max_size=3)


@st.composite
def happened(
    draw: st.DrawFn, step: int, learners: Sequence[tuple[int, ...]]
) -> list[dict[str, Any]]:
    """What one letter says, mostly of what has just happened, and of both records of one person."""
    said = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        late = draw(st.sampled_from((0, 0, 0, 0, 1, 3, 20, 30 * HOUR_STEPS)))
        at = START + max(step - late, -DAY_STEPS) * STEP
        users, course = draw(st.sampled_from(learners)), draw(st.sampled_from(COURSES))
        session = draw(st.sampled_from(SESSIONS))
        about = {"course": course, "session": session and f"{course}_{session}"}
        kind = draw(st.sampled_from(KINDS))
        if kind == "on":
            said += [enrolled(at, user, **about) for user in users]
        elif kind == "more":
            percent = draw(st.sampled_from((10, 60, 90)))
            said += [progressed(at, user, percent, **about) for user in users]
        elif kind == "done":
            passed = draw(st.sampled_from((True, False, None)))
            said += [completed(at, user, passed, **about) for user in users]
        elif kind == "off":
            said += [unenrolled(at, user, **about) for user in users]
        elif kind == "back":
            name = "LEARNING_PATH_COMPLETION_ROLLBACK"
            said += [event(name, at, **about_user(user, **about)) for user in users]
        elif kind == "place":
            place = {"loInstanceId": f"{course}_{session or 1}", "loId": course, "loType": "course"}
            said.append(event(draw(st.sampled_from((*ENDS, *CHANGES))), at, **place))
        else:
            taken, waiting = draw(st.sampled_from(((10, 0), (9, 0), (10, 2), (4, 0), (9, 1))))
            said.append(seats(at, taken, waiting))
    return said
