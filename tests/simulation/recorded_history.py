"""A lived-in installation for backtests: what is replayed is what really happened to it."""

import random
from collections.abc import Iterator

import msgspec

from service.learners.directory.courses import Courses
from service.learners.directory.people import People, PersonRow
from service.learners.facts import Timing
from service.learners.world import Lookup
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.simulation.backtest.backtest import BacktestOptions, BacktestResult, backtest
from service.simulation.backtest.replay_world import CurrentDirectory
from service.simulation.backtest.states import History
from service.simulation.backtest.verify import Verifier, VerifyResult
from tests.installation import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    enrolled,
    event,
    progressed,
    seats,
    unenrolled,
)
from tests.installation import about as about_user

LATENESS = 15 * MINUTE
TIMINGS = {"adobe": Timing(LATENESS)}
PEOPLE = [
    PersonRow(str(n), name=f"Learner {n}", email=f"l{n}@example.org", manager="boss@example.org")
    for n in range(76, 82)
]
HEAD = "version: 1\nchannels: {email: 'drawer://', room: 'drawer://'}\n"
INTERVALS = 'time_intervals: {mornings: [{from: "06:00", until: "12:00"}]}'
HEAD += f"{INTERVALS}\nrules:\n"
EVERY_KIND = """
  - id: done
    trigger: {event: enrollment.completed}
    conditions:
      - enrollment.passed: {ne: false}
    collapse: 10m
    notify:
      - {to: learner, via: email, template: completed}
      - {to: manager, via: email, template: team_completion}
  - id: nearly
    trigger: {event: enrollment.progressed}
    conditions:
      - enrollment.progress: {gte: 80}
      - instance.seats_available: {lte: 5}
    notify:
      - {post: room, template: seat_free}
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {post: room, template: seat_free}
  - id: scarce
    trigger: {change: instance.seats_available, to: {lte: 2}, rearm: {gte: 5}}
    notify:
      - {post: room, template: almost_full}
  - id: still
    trigger: {stalled_for: 1d}
    notify:
      - {to: learner, via: email, template: stalled}
    cancel_on: [enrollment.progressed, enrollment.completed, enrollment.unenrolled]
  - id: begun-and-left
    trigger: {stalled_for: 30h, count_from: started}
    collapse: 1h
    notify:
      - {to: manager, via: email, template: team_completion}
"""
WHOLE_LANGUAGE = """
  - id: done
    trigger: {event: enrollment.completed}
    send_window: mornings
    notify:
      - {to: learner, via: email, template: completed}
      - {to: manager, via: email, template: team_completions, digest: {every: hour, at: ":30"}, send_window: any}
  - id: moving
    trigger: {event: enrollment.progressed}
    notify:
      - {post: room, template: seat_free, throttle: {max: 1, per: 6h}}
  - id: still
    trigger: {stalled_for: 1d}
    notify:
      - {to: learner, via: email, template: stalled}
    escalation:
      - {after: 8h, to: manager, via: email, template: team_completion}
      - {after: 20h, post: room, template: almost_full}
    cancel_on: [enrollment.progressed, enrollment.completed, enrollment.unenrolled]
"""  # noqa: E501


def file_of(rules: str) -> RuleSet:
    """A rule file with these rules, indented by two."""
    found, problems = read_rules(HEAD + rules, environ=AnyEnvironment())
    assert found is not None, problems
    return found


def today_of(here: Installation) -> CurrentDirectory:
    store, ledger = here.app.store, here.app.ledger
    return CurrentDirectory(Lookup(store, People(ledger), Courses(ledger)))


def history_of(here: Installation) -> History:
    return History(here.app.store)


def rehearsed(here: Installation, rules: str, **more: object) -> BacktestResult:
    """What a rule file would have sent over what happened here."""
    plan = BacktestOptions(rules=file_of(rules), timings=TIMINGS, storm_limit=500)
    return backtest(history_of(here), today_of(here), msgspec.structs.replace(plan, **more))


def verified(here: Installation) -> VerifyResult:
    """Every recorded decision, made again."""
    return Verifier(history_of(here), today_of(here), TIMINGS, 500).run()


def fates_of(here: Installation) -> dict[tuple[str, str, str], int]:
    """How many notifications of each rule really ended how."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in here.notifications():
        state = row["state"]
        reason = "no address" if state == "waiting_address" else row["reason"] or ""
        counts[row["rule"], state, reason] = counts.get((row["rule"], state, reason), 0) + 1
    return counts


def live_through(here: Installation, days: int, seed: int = 7) -> None:
    """Days of one academy, of which the service saw everything, every ten minutes."""
    here.import_people(PEOPLE)
    letters = dict(happenings(days, random.Random(seed)))
    for now in range(START, START + days * DAY + 1, 10 * MINUTE):
        for at in [at for at in letters if at <= now]:
            here.post(*letters.pop(at), at=at)
        here.tick(now)


def happenings(days: int, dice: random.Random) -> Iterator[tuple[int, list[dict[str, object]]]]:
    """Letters by the time of their arrival: people learn, stop, leave, and seats come and go."""
    at = START + MINUTE
    while at < START + days * DAY:
        user = dice.randrange(76, 82)
        when = at - dice.choice((0, 0, 0, 5 * MINUTE, 3 * HOUR))
        session = f"course:{dice.randrange(7, 10)}_1"
        about = {"course": session[:8], "session": session}
        story = dice.choice(("on", "on", "progress", "progress", "done", "off", "back", "seats"))
        said, later = [enrolled(when, user, **about)], []
        if story == "progress":
            said = [progressed(when, user, dice.randrange(5, 100), **about)]
        elif story == "done":
            path = {"course": "learningProgram:1", "session": f"learningProgram:1_{user}"}
            said = [completed(when, user, dice.choice((True, False, None)), **about),
                    completed(when + 1, user, **path)]  # fmt: skip
        elif story == "off":
            said = [unenrolled(when, user, **about)]
        elif story == "back":
            said = [completed(when, user, **about)]
            later = [
                event("LEARNING_PATH_COMPLETION_ROLLBACK", at + MINUTE, **about_user(user, **about))
            ]
        elif story == "seats":
            said = [seats(when, dice.randrange(3, 12))]
        yield at, said
        if later:
            yield at + MINUTE, later
        at += dice.randrange(2, 240) * MINUTE
