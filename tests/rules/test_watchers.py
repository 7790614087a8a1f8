"""Whoever asks to be told of a seat is told once, whatever becomes of the message."""

from hypothesis import given
from hypothesis import strategies as st

from service.learners.facts import SeatsReported
from service.learners.watchlist import WatchAsked, Watchlist, WatchStopped
from service.rules.notification import CANCELLED, OWED, SENT, AttemptEnded, Ended
from service.rules.readers.watchers import wish_over
from tests.campaigns import fuzz
from tests.rules.world import NOW, World, decider, fact, session, told

FREE = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
TWICE = (
    FREE
    + """
      - {to: watchers, via: email, template: seat_free_too}
  - id: changed
    trigger: {event: instance.seats_changed}
    conditions: [instance.seats_available: {gt: 0}]
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
)
PEOPLE = ("a" * 32, "b" * 32)
ADA, GRACE = PEOPLE


class Counter:
    """A session whose seats come and go, and those who ask about it."""

    def __init__(self, rules: str = FREE) -> None:
        self.rules = decider(rules)
        self.world = World()
        self.instance, _ = told(session(), fact(SeatsReported(10, 0, 10), NOW, person=None))
        self.world.watches[self.instance.id] = Watchlist(self.instance.id)
        self.owed = {}
        self.now = NOW

    @property
    def watch(self) -> Watchlist:
        return self.world.watches[self.instance.id]

    def ask(self, person: str) -> None:
        self._append(WatchAsked(at=self.now, person=person))

    def stop(self, person: str) -> None:
        self._append(WatchStopped(at=self.now, person=person))

    def _append(self, body) -> None:
        self.world.watches[self.instance.id] = self.watch.apply(self.watch.version + 1, body)

    def seat(self) -> list[str]:
        """A seat is free and taken again; who is to be told of it."""
        decisions = self._report(9)
        self._report(10)
        found = [(id, owed) for id, owed in decisions.once if owed.mode == "live"]
        for id, owed in found:
            assert id not in self.owed
            self.owed[id] = owed
            self.world.memory[id] = (1, owed)
        return [owed.recipient for _, owed in found]

    def _report(self, taken: int):
        self.now += 1
        report = fact(SeatsReported(taken, 0, 10), self.now, person=None)
        self.instance, appended = told(self.instance, report)
        decisions = self.rules(appended, self.world, self.now)
        if decisions is not None:
            self.world.remember(decisions)
        return decisions

    def ends(self, id: str, state: str) -> None:
        body = AttemptEnded(at=self.now, outcome="x", then=state)
        if state == CANCELLED:
            body = Ended(at=self.now, state=CANCELLED, reason="no_longer_true")
        self.world.memory[id] = (2, body)

    def over(self, id: str) -> bool:
        return wish_over(id, self.owed[id], self.world) is not None


def test_who_asked_is_told_and_not_told_again():
    counter = Counter()
    counter.ask(ADA)

    assert counter.seat() == [ADA]
    assert counter.seat() == []
    (id,) = counter.owed
    counter.ends(id, SENT)
    assert counter.seat() == []


def test_whoever_asked_first_is_told_first():
    counter = Counter()
    counter.ask(GRACE)
    counter.ask(ADA)

    assert counter.seat() == [GRACE, ADA]


def test_nobody_asked_so_nobody_is_told():
    assert Counter().seat() == []


def test_who_was_not_told_after_all_waits_again():
    counter = Counter()
    counter.ask(ADA)
    counter.seat()
    counter.ends(*counter.owed, CANCELLED)

    assert counter.seat() == [ADA]


def test_who_asks_again_after_being_told_is_told_again():
    counter = Counter()
    counter.ask(ADA)
    counter.seat()
    counter.ends(*counter.owed, SENT)
    counter.ask(ADA)

    assert counter.seat() == [ADA]


def test_who_stopped_is_not_told_even_what_is_on_its_way():
    counter = Counter()
    counter.ask(ADA)
    counter.seat()
    (id,) = counter.owed
    assert not counter.over(id)

    counter.stop(ADA)

    assert counter.over(id)
    assert counter.seat() == []


def test_two_rules_and_two_entries_tell_a_watcher_once():
    counter = Counter(TWICE)
    counter.ask(ADA)

    assert counter.seat() == [ADA]
    assert counter.seat() == []


def test_a_rule_in_shadow_uses_up_nobodys_wish():
    shadow = FREE.replace("id: free", "id: trial\n    mode: shadow")
    counter = Counter(shadow + FREE)
    counter.ask(ADA)

    assert counter.seat() == [ADA]


STEPS = st.one_of(
    st.tuples(st.sampled_from(["ask", "stop"]), st.sampled_from(PEOPLE)),
    st.tuples(st.just("seat"), st.none()),
    st.tuples(st.sampled_from(["sent", "failed", "tried"]), st.integers(0, 20)),
)


@fuzz(300)
@given(st.lists(STEPS, max_size=40))
def test_told_exactly_once_for_each_ask_in_any_order_of_seats_and_failures(steps):
    """The model: a wish is open from the ask until the message is sent or it is stopped."""
    counter, wishes, open_ = Counter(TWICE), dict.fromkeys(PEOPLE, False), {}
    for step, what in steps:
        if step == "ask" and not wishes[what]:
            counter.ask(what)
            wishes[what] = True
        elif step == "stop" and wishes[what]:
            counter.stop(what)
            wishes[what] = False
        elif step == "seat":
            busy = {owed.recipient for id, owed in open_.items() if not counter.over(id)}
            expected = {person for person, wished in wishes.items() if wished} - busy
            before = set(counter.owed)
            assert sorted(counter.seat()) == sorted(expected)
            open_ |= {id: counter.owed[id] for id in counter.owed if id not in before}
        elif step in ("sent", "failed", "tried") and open_:
            id = list(open_)[what % len(open_)]
            if step == "tried":
                counter.ends(id, OWED)
                continue
            owed = open_.pop(id)
            over = counter.over(id)
            counter.ends(id, CANCELLED if over or step == "failed" else SENT)
            if not over and step == "sent":
                assert wishes[owed.recipient]
                wishes[owed.recipient] = False
