"""The clock of rule tests jumps from moment to moment, and misses none that matters."""

from pathlib import Path
from tempfile import mkdtemp

import pytest

from service.app.active_rules import read_active
from service.app.app import SOURCES
from service.sending.planner import ActiveRules
from service.simulation.rule_tests.file import read_script
from service.simulation.rule_tests.outcome import outcome
from service.simulation.rule_tests.run import Playback, bare_settings, make_blank
from service.simulation.rule_tests.scenario import Scenario
from service.simulation.sandbox import Sandbox, own_settings
from tests.installation import MINUTE
from tests.simulation.rule_test_files import CAST, RULES, command, scenario

EVERYTHING = """
  - id: done
    trigger: {event: enrollment.completed}
    collapse: 10m
    notify:
      - {to: learner, via: email, template: completed, send_window: office}
      - {to: manager, via: email, template: several, digest: {every: hour, at: ":20"}}
  - id: still
    trigger: {stalled_for: 2h, count_from: started}
    notify:
      - {to: learner, via: email, template: stalled}
    escalation:
      - {after: 50m, to: manager, via: email, template: stalled}
      - {after: 3h, to: learner, via: email, template: stalled}
  - id: free
    trigger: {change: instance.seats_available, to: {gt: 0}}
    notify:
      - {post: room, template: seat_free, throttle: {max: 1, per: 2h}}
      - {to: watchers, via: email, template: seat_free}
  - id: quiet
    trigger: {source_silent_for: 4h}
    notify:
      - {post: room, template: feed_silent}
"""
GIVEN = (
    "- {at: 0h, event: enrollment.started, learner: ada, course: safety}",
    "- {at: 0h, event: instance.seats_changed, instance: safety_1, seat_limit: 5, "
    "enrollment_count: 5}",
    "- {at: 5m, event: watch.asked, learner: grace, instance: safety_1}",
    "- {at: 7m, event: instance.seats_changed, instance: safety_1, seat_limit: 5, "
    "enrollment_count: 4}",
    "- {at: 9m, event: instance.seats_changed, instance: safety_1, seat_limit: 5}",
    "- {at: 30m, event: enrollment.completed, learner: grace, course: safety}",
    "- {at: 37m, event: enrollment.completed, learner: grace, course: other}",
    "- {at: 121m, event: enrollment.completed, learner: grace, course: third}",
    "- {at: 3h, event: instance.seats_changed, instance: safety_1, seat_limit: 5, "
    "enrollment_count: 3}",
)


class EveryMinute(Sandbox):
    """A clock that leaves no minute out."""

    def due(self):  # type: ignore[no-untyped-def]
        yield self.now + MINUTE


@pytest.fixture
def told(tmp_path: Path) -> tuple[Scenario, ActiveRules]:
    test = scenario(
        *GIVEN, people="{grace: {manager: ada}}", courses="{other: {}, third: {}}",
        start="2026-03-30 05:30", feeds_fall_silent="true", until="8h", expect="[]",
    )  # fmt: skip
    assert command(tmp_path, EVERYTHING, CAST + test).exit_code == 1
    path = tmp_path / "rules.yaml"
    path.write_text(RULES + EVERYTHING)
    active = read_active(own_settings(tmp_path, path, tmp_path / "templates"), SOURCES)
    scenarios, problems = read_script(
        (CAST + test).encode(), "tests", active.decider.rules, ["adobe"]
    )
    assert not problems
    return scenarios[0], active


def test_jumping_tells_the_same_as_asking_every_minute(
    told: tuple[Scenario, ActiveRules], tmp_path: Path
) -> None:
    found = []
    for kind in (Sandbox, EveryMinute):
        folder = Path(mkdtemp(dir=tmp_path))
        make_blank(folder)
        sandbox = kind(bare_settings(folder), told[0].start)
        Playback(sandbox, *told).play()
        found.append(
            [
                (each.at, each.rule, each.whom, each.template, each.state, each.reason)
                for each in outcome(sandbox, told[0].start)
            ]
        )
        sandbox.close()
    assert sorted(found[0], key=repr) == sorted(found[1], key=repr)
    assert {each[1] for each in found[0]} == {"done", "still", "free", "quiet"}
    assert len(found[0]) >= 12
