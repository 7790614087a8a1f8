"""Rule files by hypothesis: every rule is a good one as it is made.

Lengths of time are whole steps, and so are all moments.
"""

from typing import Any

from hypothesis import strategies as st

from tests.installation import MINUTE
from tests.simulation.conformance import STEP

HOUR_STEPS, DAY_STEPS = 6, 144
HOURS = {
    "mornings": [{"from": "06:00", "until": "12:00"}],
    "evenings": [{"from": "00:00", "until": "01:30"}, {"from": "19:30", "until": "24:00"}],
    "workdays": [{"weekdays": ["mon", "wed", "thu", "sat"], "from": "08:00", "until": "18:00"}],
}
CONDITIONS = (
    {"enrollment.progress": {"gte": 50}},
    {"enrollment.progress": {"lt": 80}},
    {"enrollment.passed": {"ne": False}},
    {"enrollment.status": {"in": ["enrolled", "in_progress"]}},
    {"enrollment.status": "completed"},
    {"enrollment.days_silent": {"lt": "18h"}},
    {"learner.groups": {"contains": "Büro Nord"}},
    {"learner.fields.Cost Center": "X1"},
    {"learner.locale": {"ne": "de_de"}},
    {"learner.has_manager": True},
    {"event.by_admin": False},
)
ANYWHERE = (
    {"instance.seats_available": {"gt": 0}},
    {"instance.waitlist_count": 0},
    {"course.id": "COURSE: 7"},
)
NOT_OF_SILENCES = ("event.by_admin",)
PERSONAL = {"learner": ("completed", "stalled"), "manager": ("team_completion", "stalled_manager")}
EVENTS = tuple(
    f"enrollment.{name}"
    for name in ("enrolled", "started", "progressed", "completed", "completion_revoked",
                 "unenrolled", "result_changed")
)  # fmt: skip


def lasting(steps: int) -> str:
    """A length of time as rules write it."""
    return f"{steps * STEP // MINUTE}m"


def times(low: int, high: int) -> st.SearchStrategy[str]:
    """Lengths of time from so many steps to so many."""
    return st.integers(low, high).map(lasting)


def entries_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Every entry and step of a rule."""
    return [*made["notify"], *made.get("escalation", ())]


@st.composite
def rule(draw: st.DrawFn, id: str, has_default_window: bool) -> dict[str, Any]:
    """One good rule."""
    kind = draw(st.sampled_from(("event", "stalled", "change", "seats")))
    made: dict[str, Any] = {"id": id, "trigger": draw(trigger(kind))}
    about_one = kind in ("event", "stalled")
    silent = kind == "stalled"
    conditions = [
        c for c in (*CONDITIONS * about_one, *ANYWHERE)
        if not (silent and next(iter(c)) in NOT_OF_SILENCES)
    ]  # fmt: skip
    if draw(st.sampled_from((False, False, True))):
        made["conditions"] = draw(
            st.lists(st.sampled_from(conditions), min_size=1, max_size=2, unique_by=str)
        )
    if draw(st.booleans()):
        made["collapse"] = draw(times(1, 2 * HOUR_STEPS))
    bundle = draw(st.sampled_from((None, None, "none", draw(times(1, 2 * HOUR_STEPS)))))
    if bundle:
        made["bundle"] = bundle
    made["notify"] = draw(
        st.lists(entry(about_one), min_size=1, max_size=3, unique_by=whom_and_words)
    )
    if draw(st.booleans()):
        steps = st.lists(step(about_one), min_size=1, max_size=3, unique_by=whom_and_when)
        made["escalation"] = draw(steps)
    window = draw(st.sampled_from((None, None, None, "any", *HOURS)))
    if window:
        made["send_window"] = window
    if about_one and draw(st.booleans()):
        made["cancel_on"] = draw(st.lists(st.sampled_from(EVENTS), min_size=1, unique=True))
    if silent and draw(st.booleans()):
        made["on_activate"] = "current"
    kept_in = has_default_window or any(
        each.get("send_window") not in (None, "any") for each in (made, *entries_of(made))
    )
    lives = draw(st.sampled_from((None, "5d", *(("38h",) if kept_in else ("10m", "2h", "12h")))))
    if lives:
        made["expires_after"] = lives
    return made


@st.composite
def trigger(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What sets it off."""
    if kind == "event":
        return {"event": draw(st.sampled_from(EVENTS))}
    if kind == "seats":
        return {"event": "instance.seats_changed"}
    if kind == "stalled":
        made = {"stalled_for": draw(times(1, DAY_STEPS))}
        if draw(st.booleans()):
            made["count_from"] = draw(st.sampled_from(("enrolled", "started")))
        return made
    change: dict[str, Any] = {"change": "instance.seats_available", "to": {"gt": 0}}
    if draw(st.booleans()):
        change["from"] = {"lte": 0}
    elif draw(st.booleans()):
        change |= {"to": {"lte": 1}, "rearm": {"gte": 5}}
    return change


@st.composite
def entry(draw: st.DrawFn, about_one: bool) -> dict[str, Any]:
    """Whom to tell."""
    roles = ("learner", "learner", "manager", "managers_manager") if about_one else ("watchers",)
    to = draw(st.sampled_from((*roles, *roles, "group:Büro\u2009Nord", "room")))
    made: dict[str, Any] = {"post": "room"} if to == "room" else {"to": to, "via": "email"}
    manner = draw(st.sampled_from(("", "", "digest", "digest", "throttle", "throttle")))
    if manner == "digest" and to not in ("room", "watchers"):
        made |= {"template": "team_completions", "digest": draw(digest())}
    elif to == "room":
        made["template"] = draw(st.sampled_from(("seat_free", "almost_full")))
    else:
        words = "seat_free" if to == "watchers" else draw(st.sampled_from(("completed", "stalled")))
        made["template"] = words
    if manner == "throttle":
        made["throttle"] = draw(throttle())
    window = draw(st.sampled_from((None, None, None, None, "any", *HOURS)))
    return made | ({"send_window": window} if window else {})


@st.composite
def step(draw: st.DrawFn, about_one: bool) -> dict[str, Any]:
    """Whom to tell later."""
    return draw(entry(about_one)) | {"after": draw(times(1, DAY_STEPS))}


@st.composite
def digest(draw: st.DrawFn) -> dict[str, Any]:
    """When what was collected leaves."""
    every = draw(st.sampled_from(("hour", "day", "day", "week", "month")))
    made: dict[str, Any] = {"every": every}
    if every == "hour":
        made["at"] = draw(st.sampled_from((":00", ":30", ":20")))
    else:
        made["at"] = draw(st.sampled_from(("08:30", "16:00", "00:10")))
    weekdays = st.sampled_from(("mon", "tue", "wed"))
    if every == "week":
        made["on"] = draw(weekdays)
    elif every == "month":
        made["on"] = draw(st.sampled_from((16, 17, 18, 31)))
    elif every == "day" and draw(st.booleans()):
        made["on"] = draw(st.lists(weekdays, min_size=1, unique=True))
    if draw(st.booleans()):
        fields = st.sampled_from(("course.id", "instance.id", "event.account"))
        made["group_by"] = draw(st.lists(fields, min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        made["max_items"] = draw(st.integers(1, 3))
    return made


@st.composite
def throttle(draw: st.DrawFn) -> dict[str, Any]:
    """How many at most."""
    made: dict[str, Any] = {"max": draw(st.integers(1, 2)), "per": draw(times(1, DAY_STEPS))}
    if draw(st.booleans()):
        made["group_by"] = [draw(st.sampled_from(("course.id", "instance.id")))]
    return made


def whom_and_words(made: dict[str, Any]) -> tuple[Any, ...]:
    """What no two entries of a rule have in common."""
    return made.get("to"), made.get("post"), made["template"]


def whom_and_when(made: dict[str, Any]) -> tuple[Any, ...]:
    """What no two steps of a rule have in common."""
    return made.get("to"), made.get("post"), made["after"]
