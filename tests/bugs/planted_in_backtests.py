"""Deliberate bugs of the backtest, which must tell the same as the service (promise 4)."""

from tests.bugs.bug import Bug

IN_BACKTESTS = (
    Bug(
        4,
        "a backtest ignores the distance of a step",
        "service/simulation/backtest/outbox.py",
        "if told or merged or owed.rule in self._asked_for:\n",
        "if told or merged:\n",
        "tests/simulation/test_backtest_differences.py",
    ),
    Bug(
        4,
        "a backtest ends an escalation with any first",
        "service/simulation/backtest/timers.py",
        "            begun.standing -= 1\n",
        "            begun.standing = 0\n",
        "tests/simulation/test_backtest_differences.py",
    ),
    Bug(
        4,
        "a backtest forgets the windows of entries",
        "service/simulation/backtest/backtest.py",
        'replace(rule, mode="live") for',
        'replace(rule, mode="live", notify=tuple(replace(e, window=None) for e in rule.notify))'
        " for",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest closes a digest an hour later",
        "service/simulation/backtest/outbox.py",
        "            for stream, version, body in close(judged, reader, ground).rows:\n",
        "            late = Ground(ground.decider, ground.world, ground.now + 3_600_000)\n"
        "            for stream, version, body in close(judged, reader, late).rows:\n",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest forgets what a digest closed",
        "service/simulation/backtest/outbox.py",
        "            self._world.memory[stream] = (version, body)\n            self._items",
        "            self._items",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest counts throttles by decision",
        "service/simulation/backtest/outbox.py",
        "lambda n: self._judged(n, ground), ground)",
        "lambda n: self._judged(n, ground), Ground(self._decider, self._world, "
        "min((group[0].owed.decided_at for group in groups), default=0)))",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest lets untrue things wait",
        "service/simulation/backtest/replay.py",
        "                play.outbox.waiting.moved(stream)\n",
        "                assert play\n",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest looks at no other enrolment",
        "service/simulation/backtest/replay_world.py",
        "for each in beside for id in find(each, course)",
        "for id in ()",
        "tests/simulation/test_backtest_is_live.py",
    ),
    Bug(
        4,
        "a backtest collapses by the moment",
        "service/simulation/backtest/outbox.py",
        "if id != first.id and joins(other, first):",
        "if id != first.id and other.due_at == first.due_at:",
        "tests/simulation/test_backtest_differences.py",
    ),
)
