"""Schedule what time sets off: keep the marks of the sweep and ask when it is safe to ask."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from service.learners.enrollment import Enrollment
from service.learners.enrollment_views import EnrollmentViews, Silences, silences_between
from service.learners.facts import longest_lateness
from service.learners.world import Decisions
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.ledger.views import Views
from service.rules.decider import Decider
from service.rules.escalation import Firsts, Steps, mark_of, started_step
from service.rules.triggers.stalled import (
    SilenceMark,
    StalledRule,
    Sweep,
    SweepResult,
    stalled_rules,
    started,
)

RULES_STREAM = "rules"


class RulesActivated(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that a rule file became active at `at`, after the events up to `position`.

    `modes` says how each rule stands since. The text has no secrets: its channels name the
    environment's.
    """

    TOPIC: ClassVar[str] = "rules.activated"
    at: int
    position: int
    fingerprint: str
    text: str
    modes: dict[str, str]


ACTIVATION_SHAPES: Mapping[str, Any] = {RulesActivated.TOPIC: RulesActivated}


def activated_stalled(
    rules: Iterable[StalledRule], before: RulesActivated | None, marks: Container[str]
) -> list[StalledRule]:
    """Pick the stalled rules that a file activates: every change of one to `live` or `shadow`.

    One without a mark (it had another trigger until now) is activated too.
    """
    known = before.modes if before else {}
    return [
        each
        for each in rules
        if known.get(each.rule.id) != each.rule.mode or each.rule.id not in marks
    ]


CLOCK_STREAM = "clock"
EMPTY_ASKS_EVERY_MS = 5 * 60_000
MANY_TOUCHED = 10_000


class TimeAsked(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that time rules were asked at `at`, about all that the log up to `position` had moved."""

    TOPIC: ClassVar[str] = "clock.asked"
    at: int
    position: int
    marks: dict[str, SilenceMark]


CLOCK_SHAPES: Mapping[str, Any] = {TimeAsked.TOPIC: TimeAsked}


class Scheduler:
    """Ask for silences; everything it must remember is in the ledger."""

    def __init__(
        self, writer: Writer, views: Views, enrollment_views: EnrollmentViews, firsts: Firsts
    ) -> None:
        """Take the ledger; `firsts` finds what escalations may follow, by the views."""
        self._writer = writer
        self._store = writer.store
        self._views = views
        self._enrollment_views = enrollment_views
        self._lateness = longest_lateness(writer.timings)
        self._firsts = firsts
        self._marks: dict[str, SilenceMark] = {}
        self._version = 0
        self._position = 0
        self._asked_at = 0

    def recover(self) -> None:
        """Go on where the ledger says the last ask was, and note what moved since."""
        self._version, last = self._store.latest(CLOCK_STREAM) or (0, None)
        if isinstance(last, TimeAsked):
            self._marks, self._asked_at = dict(last.marks), last.at
            self._position = self._enrollment_views.asked_up_to = last.position
            self._enrollment_views.touch(self._store.follow(last.position, EnrollmentViews.topics))

    def activate(self, decider: Decider, now: int) -> bool:
        """Record that this rule file is active from here; false if it was already.

        The marks of the rules it activates are recorded in the same transaction.
        """
        version, before = self._store.latest(RULES_STREAM) or (0, None)
        assert before is None or isinstance(before, RulesActivated)
        rules = decider.rules
        if before is not None and before.fingerprint == rules.fingerprint:
            return False
        stalled = stalled_rules(decider.active)
        activated = activated_stalled(stalled, before, self._marks)
        fresh = {each.rule.id: started(each, now) for each in activated}
        asked = [each.rule.id for each in stalled]
        steps = {mark_of(r, e): e for r in decider.active for e in r.escalation}
        fresh |= {key: started_step(e, now) for key, e in steps.items() if key not in self._marks}
        kept = {key: self._marks[key] for key in (*asked, *steps) if key in self._marks}
        event = RulesActivated(
            at=now,
            position=self._store.ledger.max_notification_id(),
            fingerprint=rules.fingerprint,
            text=rules.text,
            modes={rule.id: rule.mode for rule in rules.rules},
        )
        decided = Decisions(following=[(RULES_STREAM, version + 1, event)])
        self._keep(decided, kept | fresh, position=self._position, now=now)
        return True

    def ask(self, decider: Decider, now: int) -> bool:
        """Ask every stalled rule about the silences that are due; true when there are more.

        The caller sees to it that no letter that came before `now` is still waiting: a backlog
        must not look like silence.
        """
        self._views.catch_up()
        position, touched = self._views.position, self._enrollment_views.take_touched()
        try:
            return self._ask(decider, touched, position=position, now=now).more
        except BaseException:
            self._enrollment_views.touch_again(touched)
            raise

    def _ask(
        self, decider: Decider, touched: Mapping[str, Silences], position: int, now: int
    ) -> SweepResult:
        world = self._writer.world(now)
        asked = Sweep(decider, self, world, now, touched, self._lateness).ask(self._marks)
        Steps(decider, world, now).ask(asked, self._firsts)
        overdue = now - self._asked_at >= EMPTY_ASKS_EVERY_MS or len(touched) >= MANY_TOUCHED
        if asked.decisions.once or overdue or asked.more:
            self._keep(asked.decisions, asked.marks, position=position, now=now)
        self._marks = asked.marks
        return asked

    def _keep(
        self, decisions: Decisions, marks: Mapping[str, SilenceMark], position: int, now: int
    ) -> None:
        asked = TimeAsked(at=now, position=position, marks=dict(marks))
        decisions.following.append((CLOCK_STREAM, self._version + 1, asked))
        self._writer.commit(decisions)
        self._version += 1
        self._asked_at = now
        self._position = self._enrollment_views.asked_up_to = position
        self._marks = dict(marks)

    def candidates(
        self, count_from: str, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Suggest open enrolments by when their silence began, from the views."""
        return silences_between(self._views, count_from, after=after, until=until, limit=limit)

    def enrollments(self, ids: Sequence[str]) -> list[Enrollment]:
        """Read enrolments as the log has them."""
        return self._writer.enrollments(ids)
