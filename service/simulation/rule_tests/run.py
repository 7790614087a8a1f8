"""The stage: an installation of its own for one rule test, with a drawer and a virtual clock."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from service.app.app import App
from service.incoming.letter import Arrival
from service.incoming.sources.source import Item
from service.learners.enrollment_views import silences_between
from service.learners.facts import Fact
from service.learners.instance import Instance
from service.rules.rule import Rule, RuleSet
from service.rules.triggers.source_silent import source_trigger_of
from service.rules.triggers.stalled import stalled_trigger_of
from service.sending.planner import Active
from service.sending.queue import MAY_LEAVE
from service.settings import Settings
from service.simulation.recorder import Recorder
from service.simulation.rule_tests.compare import Failure, failures
from service.simulation.rule_tests.near_miss import Nearest, recorded
from service.simulation.rule_tests.outcome import outcome
from service.simulation.rule_tests.scenario import Given, Scenario
from service.simulation.sandbox import DRAWER, own_settings

EMPTY = "version: 1\nrules: []\n"


class Script:
    """A learning management system whose letters are places in a list of facts."""

    fills: frozenset[str] = frozenset()
    lateness_ms = 0

    def __init__(self, name: str, given: Sequence[Given]) -> None:
        self.name = name
        self._given = given

    def wants(self, body: bytes) -> bool:
        """Every letter is ours."""
        return True

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """The one fact that the letter stands for."""
        what = self._given[int(body)].what
        return [what] if isinstance(what, Fact) else []


class Stage:
    """One installation, whose clocks all show `now` (ms UTC).

    No source is late here: `stalled_for: 7d` is seven days to the second.
    """

    def __init__(self, folder: Path, scenario: Scenario, active: Active) -> None:
        """Opens a blank one, with the people and courses of the test and these rules."""
        self.now = scenario.start
        self._scenario = scenario
        self._ends = scenario.start + scenario.until
        self.recorder = Recorder(rules_for(scenario, active.decider.rules))
        self.app = App(bare_settings(folder))
        self.app.ledger.create(
            "PRAGMA synchronous = OFF;"
        )  # it is thrown away: no disk is waited for
        self.app.active = Active(self.recorder, active.templates)
        self.app.sources.update({name: Script(name, scenario.given) for name in self.app.sources})
        with self.app.ledger.transaction() as cursor:
            self.app.people.store(cursor, scenario.people, self.now)
            self.app.courses.store(cursor, scenario.courses, self.now)
        self.app.start(self.now)

    def close(self) -> None:
        """Lets go of the files."""
        self.app.close()

    def play(self) -> None:
        """Turns the clock to the end, from one moment at which something is due to the next."""
        coming = list(enumerate(self._scenario.given))
        while self.now <= self._ends:
            while coming and self._arrives(coming[0][1]) <= self.now:
                self._happens(*coming.pop(0))
            self.app.tick(self.now)
            next_letter = (self._arrives(given) for _, given in coming[:1])
            self.now = min(chain(next_letter, self._due()), default=self._ends + 1)

    def _arrives(self, given: Given) -> int:
        return self._scenario.start + given.at

    def _happens(self, place: int, given: Given) -> None:
        """A letter waits to be taken, or a person asks, as by the command."""
        what = given.what
        if isinstance(what, Fact):
            self.app.letters.keep([Arrival(what.source, self.now, {}, b"%d" % place)])
            return
        instance = Instance.stream(what.source, what.account, what.course, what.instance)
        person = self.app.wishes.meet((what.source, what.account, what.person), self.now)
        wish = self.app.wishes.stop if what.stops else self.app.wishes.ask
        wish(instance, person, self.now)

    def _due(self) -> Iterator[int]:
        """When something may be due next; moments at which nothing is are harmless."""
        may_leave = f"SELECT MIN(due_at) FROM notifications WHERE {MAY_LEAVE} AND due_at > ?"
        yield from self._first(may_leave, self.now)
        for rule in self.recorder.active:
            for entry in rule.escalation:
                decided = "SELECT MIN(decided_at) FROM notifications WHERE decided_at > ?"
                firsts = self._first(f"{decided} AND rule = ?", self.now - entry.after_ms, rule.id)
                yield from (at + entry.after_ms for at in firsts)
            yield from self._silences(rule)

    def _first(self, query: str, *values: object) -> Iterator[int]:
        rows = self.app.views.reader().execute(query, values)
        return (row[0] for row in rows if row[0] is not None)

    def _silences(self, rule: Rule) -> Iterator[int]:
        """When the next silence of a learner, or of a feed, has lasted long enough."""
        stalled, source = stalled_trigger_of(rule), source_trigger_of(rule)
        if stalled is not None:
            lasts = stalled.silence_ms
            began = silences_between(
                self.app.views, stalled.count_from, self.now - lasts, self.now, 1
            )
            yield from (since + lasts for _, since in began)
        elif source is not None:
            heard = self.app.letters.feeds.heard().values()
            yield from (d for each in heard if (d := each.at + source.silence_ms) > self.now)


def make_blank(folder: Path) -> None:
    """Makes an installation in which nothing has happened yet, and no rules are."""
    (folder / "rules.yaml").write_text(EMPTY)
    (folder / "templates").mkdir()
    App(bare_settings(folder)).close()


def bare_settings(folder: Path) -> Settings:
    """Settings of an installation without rules: those of the test are read once for all tests."""
    settings = own_settings(folder, folder / "rules.yaml", folder / "templates")
    sources = {name: replace(each, lateness=0) for name, each in settings.sources.items()}
    return replace(settings, sources=sources)


def rules_for(scenario: Scenario, rules: RuleSet) -> RuleSet:
    """The rules with drawers for channels; feeds do not fall silent unless the test says so."""
    channels: Mapping[str, str] = dict.fromkeys(rules.channels, DRAWER)
    played = tuple(
        rule
        for rule in rules.rules
        if scenario.feeds_fall_silent or rule.trigger.kind != "source_silent_for"
    )
    return replace(rules, rules=played, channels=dict(channels))


PREFIX = "coursebell-test-"


class Theater:
    """Plays tests by one set of rules and templates; `file` is what the rule file is called.

    Each test has an installation of its own, gone afterwards: a copy of a blank one, as making
    a ledger waits for the disk and copying it does not.
    """

    def __init__(self, active: Active, file: str, blank: Path) -> None:
        self._active = active
        self._file = file
        self._blank = blank

    def play(self, scenario: Scenario) -> list[Failure]:
        """What is not as the test expects; nothing leaves this machine."""
        with TemporaryDirectory(prefix=PREFIX) as name:
            folder = Path(name) / "installation"
            copytree(self._blank, folder)
            stage = Stage(folder, scenario, self._active)
            with closing(stage):
                stage.play()
                told = outcome(stage.app, folder, stage.now)
                facts = list(recorded(stage.app, scenario))
        rules = self._active.decider.rules
        nearest = Nearest(scenario, rules, self._file, stage.recorder.judged, facts)
        return failures(scenario, told, nearest)


@contextmanager
def theater(active: Active, file: str) -> Iterator[Theater]:
    """A theater that is gone when the block ends."""
    with TemporaryDirectory(prefix=PREFIX) as name:
        make_blank(Path(name))
        yield Theater(active, file, Path(name))
