"""Run rule tests: each in a sandbox of its own, from one moment to the next."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import msgspec

from service.app.app import App
from service.incoming.letter import Arrival
from service.incoming.sources.source import Item, Source
from service.learners.facts import AT_ONCE, Fact
from service.learners.instance import Instance
from service.rules.rule import RuleSet
from service.sending.channels import SendResult
from service.sending.planner import ActiveRules
from service.settings import Settings
from service.simulation.rule_tests.compare import Comparison, Failure
from service.simulation.rule_tests.near_miss import NearMisses, recorded
from service.simulation.rule_tests.outcome import outcome
from service.simulation.rule_tests.scenario import ChannelTurn, Given, ReaderChoice, Scenario, Wish
from service.simulation.sandbox import Sandbox, own_settings

EMPTY = "version: 1\nrules: []\n"
PREFIX = "coursebell-test-"
FAILED = SendResult("transient", about_channel=True)
TAKEN = SendResult("accepted")


class ScriptedSource(Source):
    """Stand in for a learning management system: its letters are places in a list of facts."""

    fills: frozenset[str] = frozenset()
    timing = AT_ONCE

    def __init__(self, name: str, given: Sequence[Given]) -> None:
        self.name = name
        self._given = given

    def wants(self, body: bytes) -> bool:
        """Want every letter."""
        return True

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """Give the one fact that the letter stands for."""
        what = self._given[int(body)].what
        return [what] if isinstance(what, Fact) else []


class Playback:
    """Play one test in a sandbox, by these rules and templates."""

    def __init__(self, sandbox: Sandbox, scenario: Scenario, active: ActiveRules) -> None:
        """Let the people and courses of the test be known, and start the service."""
        self._sandbox = sandbox
        self._scenario = scenario
        app = sandbox.app
        self.recorder = sandbox.record(rules_for(scenario, active.decider.rules), active.templates)
        app.sources.update({name: ScriptedSource(name, scenario.given) for name in app.sources})
        with app.ledger.transaction() as cursor:
            app.people.store(cursor, scenario.people, sandbox.now)
            app.courses.store(cursor, scenario.courses, sandbox.now)
        sandbox.start()

    def play(self) -> None:
        """Let happen what is given, each at its time, and go on to the end."""
        start, sandbox = self._scenario.start, self._sandbox
        given: defaultdict[int, list[int]] = defaultdict(list, {0: []})
        for place, each in enumerate(self._scenario.given):
            given[each.at].append(place)
        for at in sorted(given):
            self._pass_time(start + at)
            for place in given[at]:
                self._happens(place)
            sandbox.tick()
        self._pass_time(start + self._scenario.until + 1)

    def _pass_time(self, then: int) -> None:
        for _ in self._sandbox.moments_until(then):
            self._sandbox.tick()

    def _happens(self, place: int) -> None:
        """Let a letter wait to be taken, a person ask, as by the command, or a channel turn."""
        what, app, now = self._scenario.given[place].what, self._sandbox.app, self._sandbox.now
        match what:
            case ChannelTurn():
                result = FAILED if what.fails else TAKEN
                app.deliveries.health[what.channel].hear(result, None, now)
            case ReaderChoice():
                for reader in app.choice_requests.readers(what.person, None, None):
                    app.choice_requests.change(
                        reader.email or "",
                        lambda before: msgspec.structs.replace(before, **what.changes),
                        now,
                        by="reader",
                    )
            case Wish():
                instance = Instance.stream(
                    what.source, what.account, course=what.course, instance=what.instance
                )
                person = app.watch_requests.meet((what.source, what.account, what.person), now)
                wish = app.watch_requests.stop if what.stops else app.watch_requests.ask
                wish(instance, person, now)
            case _:
                app.letters.keep([Arrival(what.source, now, {}, body=b"%d" % place)])


class Runner:
    """Run tests by one set of rules and templates; `file` is what the rule file is called.

    `links` are the patterns of links to courses, by source.

    Each test has an installation of its own, gone afterwards: a copy of a blank one, as making
    a ledger waits for the disk and copying it does not.
    """

    def __init__(
        self, active: ActiveRules, file: str, blank: Path, links: Mapping[str, str]
    ) -> None:
        self._active = active
        self._links = links
        self._file = file
        self._blank = blank

    def run(self, scenario: Scenario) -> list[Failure]:
        """Tell what is not as the test expects; nothing leaves this machine."""
        with TemporaryDirectory(prefix=PREFIX) as name:
            folder = Path(name) / "installation"
            copytree(self._blank, folder)
            with closing(Sandbox(bare_settings(folder, self._links), scenario.start)) as sandbox:
                playback = Playback(sandbox, scenario, self._active)
                playback.play()
                actual = outcome(sandbox, scenario.start)
                facts = list(recorded(sandbox, scenario))
        rules, judged = self._active.decider.rules, playback.recorder.judged
        nearest = NearMisses(scenario, rules, file=self._file, judged=judged, recorded=facts)
        return Comparison(scenario, actual, nearest).failures()


@contextmanager
def open_runner(active: ActiveRules, file: str, links: Mapping[str, str]) -> Iterator[Runner]:
    """Make a runner whose folders are gone when the block ends."""
    with TemporaryDirectory(prefix=PREFIX) as name:
        make_blank(Path(name))
        yield Runner(active, file, Path(name), links=links)


def make_blank(folder: Path) -> None:
    """Make an installation in which nothing has happened yet, and no rules are."""
    (folder / "rules.yaml").write_text(EMPTY)
    (folder / "templates").mkdir()
    App(bare_settings(folder)).close()


def bare_settings(folder: Path, links: Mapping[str, str] = {}) -> Settings:
    """Make settings of an installation without rules: those of a test are read once for all.

    `links` are the patterns of links to courses, by source.

    No source is late: `stalled_for: 7d` is seven days to the second.
    """
    settings = own_settings(folder, folder / "rules.yaml", folder / "templates")
    sources = {
        name: replace(each, timing=AT_ONCE, course_url=links.get(name))
        for name, each in settings.sources.items()
    }
    return replace(settings, sources=sources)


def rules_for(scenario: Scenario, rules: RuleSet) -> RuleSet:
    """Leave out the rules about silent feeds unless the test says that feeds fall silent."""
    if scenario.feeds_fall_silent:
        return rules
    kept = tuple(rule for rule in rules.rules if rule.trigger.kind != "source_silent_for")
    return replace(rules, rules=kept)
