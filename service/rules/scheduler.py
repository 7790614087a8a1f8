"""Schedule what time sets off: keep the marks of the sweep and ask when it is safe to ask."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from service.learners.enrollment import Enrollment
from service.learners.enrollment_views import moved_into, silences_between
from service.learners.facts import longest_lateness
from service.learners.world import Decisions
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.ledger.views import Views
from service.rules.calendar import MINUTE
from service.rules.decider import Decider
from service.rules.escalation import Firsts, Steps, mark_of, started_step
from service.rules.triggers.stalled import (
    SilenceMark,
    Sweep,
    SweepResult,
    stalled_rules,
    started,
)

RULES_STREAM = "rules"


class RulesActivated(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that a rule file became active at `at`, after the events up to `position`.

    `modes` says how each rule stands since. `gone` are the marks of what the file says no more,
    by mode and name: it may be back before the file has settled. The text has no secrets: its
    channels name the environment's.
    """

    TOPIC: ClassVar[str] = "rules.activated"
    at: int
    position: int
    fingerprint: str
    text: str
    modes: dict[str, str]
    gone: dict[str, SilenceMark] = {}


ACTIVATION_SHAPES: Mapping[str, Any] = {RulesActivated.TOPIC: RulesActivated}


CLOCK_STREAM = "clock"
EMPTY_ASKS_EVERY_MS = 5 * MINUTE


class TimeAsked(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that time rules were asked at `at`, about all that the log up to `position` had moved.

    `saw` are the versions of what stood beside the enrolments asked about, 0 for what was not there
    yet, as a further one in the course or a deletion: None where nobody else decided, and the log
    before has all that was known.
    """

    TOPIC: ClassVar[str] = "clock.asked"
    at: int
    position: int
    marks: dict[str, SilenceMark]
    saw: dict[str, int] | None = None


CLOCK_SHAPES: Mapping[str, Any] = {TimeAsked.TOPIC: TimeAsked}


class Scheduler:
    """Ask for silences; everything it must remember is in the ledger."""

    def __init__(
        self,
        writer: Writer,
        views: Views,
        firsts: Firsts,
        removal_delay: int,
    ) -> None:
        """Take the ledger; `firsts` finds what escalations may follow, by the views.

        A rule file has settled when it is active for longer than `removal_delay` (ms).
        """
        self._removal_delay = removal_delay
        self._writer = writer
        self._store = writer.store
        self._views = views
        self._lateness = longest_lateness(writer.timings)
        self._firsts = firsts
        self._marks: dict[str, SilenceMark] = {}
        self._version = 0
        self._position = self._looked_up_to = 0
        self._asked_at = 0
        self._failed = False

    def recover(self) -> None:
        """Go on where the ledger says the last ask was."""
        self._version, last = self._last_ask()
        if last is not None:
            self._marks, self._asked_at = dict(last.marks), last.at
            self._position = self._looked_up_to = last.position

    def _activation(self) -> tuple[int, RulesActivated | None]:
        version, newest = self._store.latest(RULES_STREAM) or (0, None)
        assert newest is None or isinstance(newest, RulesActivated)
        return version, newest

    def last_asked_at(self) -> int | None:
        """Read when the clock was asked last (ms UTC); None before the first time."""
        _, last = self._last_ask()
        return last.at if last else None

    def _last_ask(self) -> tuple[int, TimeAsked | None]:
        version, last = self._store.latest(CLOCK_STREAM) or (0, None)
        return version, last if isinstance(last, TimeAsked) else None

    def activate(self, decider: Decider, now: int) -> bool:
        """Record that this rule file is active from here; false if it was already.

        The marks of the rules it activates are recorded in the same transaction. A rule that was
        gone, or stood in another mode, before the file that said so had settled goes on.
        """
        version, before = self._activation()
        rules = decider.rules
        if before is not None and before.fingerprint == rules.fingerprint:
            return False
        begun = {
            f"{each.rule.mode}/{each.rule.id}": started(each, now)
            for each in stalled_rules(decider.active)
        }
        begun |= {
            f"{rule.mode}/{mark_of(rule, step)}": started_step(step, now)
            for rule in decider.active
            for step in rule.escalation
        }
        known = self._known(before, now)
        marks = {name.partition("/")[2]: known.get(name, mark) for name, mark in begun.items()}
        event = RulesActivated(
            at=now,
            position=self._store.ledger.end(),
            fingerprint=rules.fingerprint,
            text=rules.text,
            modes={rule.id: rule.mode for rule in rules.rules},
            gone={name: mark for name, mark in known.items() if name not in begun},
        )
        decided = Decisions(following=[(RULES_STREAM, version + 1, event)])
        self._keep(decided, TimeAsked(at=now, position=self._position, marks=marks))
        return True

    def _known(self, before: RulesActivated | None, now: int) -> dict[str, SilenceMark]:
        """Give the marks by mode and name: of the file that was active, and of what it lacked."""
        modes = before.modes if before else {}
        found = dict(before.gone) if before and now < before.at + self._removal_delay else {}
        for name, mark in self._marks.items():
            found[f"{modes.get(name.partition('/')[0])}/{name}"] = mark
        return found

    def ask(self, decider: Decider, now: int) -> bool:
        """Ask every stalled rule about the silences that are due; true when there are more.

        The caller sees to it that no letter that came before `now` is still waiting: a backlog
        must not look like silence.
        """
        self._views.catch_up()
        position = self._views.position
        if self._failed:  # and nobody may know what of it was kept
            self.recover()
        self._failed = True
        asked = self._ask(decider, position, now)
        self._failed, self._looked_up_to = False, position
        return asked.more

    def _ask(self, decider: Decider, position: int, now: int) -> SweepResult:
        world = self._writer.world(now)
        asked = Sweep(decider, self, world, now, self._lateness).ask(self._marks)
        Steps(decider, world, now).ask(asked, self._firsts)
        overdue = abs(now - self._asked_at) >= EMPTY_ASKS_EVERY_MS
        if asked.decisions.once or overdue or asked.more:
            event = TimeAsked(at=now, position=position, marks=asked.marks, saw=world.reads.saw)
            self._keep(asked.decisions, event)
        self._marks = asked.marks
        return asked

    def _keep(self, decisions: Decisions, asked: TimeAsked) -> None:
        decisions.following.append((CLOCK_STREAM, self._version + 1, asked))
        self._writer.commit(decisions)
        self._version += 1
        self._asked_at = asked.at
        self._position = asked.position
        self._marks = dict(asked.marks)

    def candidates(
        self, count_from: str, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Suggest open enrolments by when their silence began, from the views."""
        return silences_between(self._views, count_from, after=after, until=until, limit=limit)

    def moved(self, count_from: str, after: int, until: int) -> list[str]:
        """List who moved since the last ask to such a silence, from the views."""
        return moved_into(self._views, count_from, self._looked_up_to, after=after, until=until)

    def enrollments(self, ids: Sequence[str]) -> list[Enrollment]:
        """Read enrolments as the log has them."""
        return self._writer.enrollments(ids)
