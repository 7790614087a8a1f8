"""The app: the only place where the wings meet. `tick` is the whole flow on one screen."""

from collections.abc import Callable
from contextlib import suppress

from service.incoming.intake import Intake
from service.incoming.letters import Letters
from service.incoming.reading import Source
from service.incoming.sources.adobe import Adobe
from service.learners import course, enrollment, instance
from service.learners.courses import Courses
from service.learners.events import EventMapper
from service.learners.happening import Decisions, Happening, World
from service.learners.knowledge import Knowledge
from service.learners.ledger import Ledger
from service.learners.people import People
from service.learners.roster import Roster
from service.learners.views import Views
from service.learners.writer import Writer
from service.rules import activation, clock, edges, notifications
from service.rules.clock import Clock
from service.rules.decide import Decider
from service.rules.problems import Problem
from service.rules.reader import read_rules
from service.sending.channels import Channel, ChannelError, open_channel
from service.sending.delivery import Delivery
from service.sending.docket import Docket
from service.sending.packing import Post
from service.sending.planning import Active
from service.sending.queue import Queue
from service.sending.removed import cancel_removed
from service.sending.rendering import Templates
from service.settings import Settings

SHAPES = (
    enrollment.SHAPES,
    instance.SHAPES,
    course.SHAPES,
    notifications.SHAPES,
    edges.SHAPES,
    activation.SHAPES,
    clock.SHAPES,
)


class Refused(Exception):
    """A rule file or template folder that cannot become active; one problem a line."""


class App:
    """Everything one installation is made of, wired together; nothing runs by itself."""

    def __init__(self, settings: Settings) -> None:
        """Opens the data folder and the rules; raises LedgerError or Refused."""
        self.settings = settings
        self.sources = sources(settings)
        self.active = read_active(settings)
        lateness = {name: source.lateness_ms for name, source in self.sources.items()}
        self.ledger = Ledger(settings.data / "ledger.db")
        self.mapper = EventMapper(SHAPES)
        self.people = People(self.ledger)
        self.courses = Courses(self.ledger)
        self.letters = Letters(self.ledger)
        self.roster = Roster()
        self.views = Views(
            settings.data / "views.db", self.ledger, self.mapper, [self.roster, Queue()]
        )
        self.writer = Writer(
            self.ledger, self.mapper, self.people, self._knowledge(), lateness, self._decide
        )
        self.intake = Intake(self.letters, self.sources, self.writer)
        self.clock = Clock(
            self.ledger, self.mapper, self.writer, self.views, self.roster,
            max(lateness.values(), default=0),
        )  # fmt: skip
        self.docket = Docket(self.ledger, self.mapper, lateness)
        self.deliveries: dict[str, Delivery] = {}
        self._retired: list[Delivery] = []
        self._urls: dict[str, str] = {}

    def _knowledge(self) -> Knowledge:
        return Knowledge(self.ledger, self.mapper, self.people, self.courses)

    def _decide(self, happening: Happening, world: World, now: int) -> Decisions | None:
        return self.active.decider(happening, world, now)

    def start(self, now: int) -> None:
        """Takes up where the last run stopped; call once, before the first tick.

        Raises Refused when a channel cannot be opened.
        """
        self.open_channels()
        self.recover(now)

    def open_channels(self) -> None:
        """Opens what the active rules name; raises Refused."""
        self._activate(self.active)

    def recover(self, now: int) -> None:
        """Reads from the log what the last run left: marks, views, and attempts left open."""
        self.clock.recover()
        self.clock.activate(self.active.decider, now)
        self.views.catch_up()
        self.cancel_removed(now)
        for delivery in self.deliveries.values():
            delivery.take_over(now)

    def tick(self, now: int) -> None:
        """The whole flow once, at the moment `now` (ms since 1970 UTC)."""
        self.take(now)
        self.ask(now)
        self.views.catch_up()
        self.deliver(now)

    def take(self, now: int) -> int:
        """Letters become facts, facts become events, and the rules decide at each."""
        taken = 0
        while round := self.intake.take(now):
            taken += round
        return taken

    def ask(self, now: int) -> None:
        """Asks who has fallen silent, to the last of them."""
        while self.ask_some(now):
            pass

    def ask_some(self, now: int) -> bool:
        """Asks about one page of silences, unless a letter is waiting that may say otherwise.

        Returns true when there are more to be asked about.
        """
        oldest = self.letters.oldest_waiting()
        if oldest is not None and oldest <= now:
            return False
        return self.clock.ask(self.active.decider, now)

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> None:
        """What is owed leaves, by every channel."""
        for delivery in list(self.deliveries.values()):
            if delivery.look_again(now):
                self.views.catch_up()
            while not stopping() and delivery.deliver(now, stopping):
                self.views.catch_up()

    def reload(self, now: int) -> bool:
        """Makes the rule file as it is now active; raises Refused and keeps the old one.

        Returns false when it was active already.
        """
        fresh = read_active(self.settings)
        self._activate(fresh)
        fresh_file = self.clock.activate(fresh.decider, now)
        self.views.catch_up()
        self.cancel_removed(now)
        return fresh_file

    def cancel_removed(self, now: int) -> None:
        """Ends what is owed because of a rule, or by a channel, that is there no more."""
        live = {rule.id for rule in self.active.decider.rules.rules if rule.mode == "live"}
        channels = set(self.deliveries)
        cancel_removed(self.views, self.ledger, self.mapper, self.docket, channels, live, now)

    def _activate(self, active: Active) -> None:
        """Opens what the rules name and closes what they do not; raises Refused before either."""
        urls = active.decider.rules.channels
        changed = {name: url for name, url in urls.items() if self._urls.get(name) != url}
        opened = {name: self._open(name, url) for name, url in changed.items()}
        self.active = active
        for name in [name for name in self.deliveries if name in changed or name not in urls]:
            self._retire(self.deliveries.pop(name))
        self._urls = dict(urls)
        for name, channel in opened.items():
            self.deliveries[name] = self._delivery(name, channel)

    def _retire(self, delivery: Delivery) -> None:
        """Lets the thread that may be sending by it finish its message first."""
        delivery.retired = True
        self._retired.append(delivery)

    def _open(self, name: str, url: str) -> Channel:
        try:
            return open_channel(name, url, drawer=self.settings.data / "drawer")
        except ChannelError as error:
            raise Refused(str(error)) from error

    def _delivery(self, name: str, channel: Channel) -> Delivery:
        domain = self.settings.mail_domain or channel.domain or "coursebell.localhost"
        return Delivery(
            name,
            channel,
            "chat" if channel.form == "chat" else "email",
            self.ledger,
            self.mapper,
            self.views,
            self._knowledge(),
            self.docket,
            lambda: self.active,
            Post(domain),
            f"{domain}/{name}",
        )

    def files(self) -> object:
        """What changes when somebody edits the rules or the templates."""
        paths = [self.settings.rules, *sorted(self.settings.templates.rglob("*"))]
        found = []
        for path in paths:
            with suppress(OSError):  # it was there a moment ago
                stat = path.stat()
                found.append((path, stat.st_mtime_ns, stat.st_size))
        return found

    def newest_event_at(self) -> int | None:
        """When the newest fact was recorded (ms UTC): a clock behind it is wrong."""
        return self.letters.newest_taken_at()

    def close(self) -> None:
        """Lets go of channels and files."""
        for delivery in [*self.deliveries.values(), *self._retired]:
            delivery.close()
        with suppress(Exception):
            self.ledger.checkpoint()
        self.views.close()
        self.ledger.close()


def sources(settings: Settings) -> dict[str, Source]:
    """The learning management systems we understand: one line each."""
    known: list[Source] = [Adobe(settings.adobe_lateness)]
    return {source.name: source for source in known}


def read_active(settings: Settings) -> Active:
    """The rules and templates as their files are now; raises Refused naming every mistake."""
    templates = Templates(settings.templates)
    rules, problems = read_rules(
        settings.rules.read_bytes(),
        name=settings.rules.name,
        environ=settings.environment,
        templates=templates.forms,
        sources=frozenset(sources(settings)),
    )
    mistakes = [str(problem) for problem in problems if is_error(problem)] + templates.problems()
    if rules is None or mistakes:
        raise Refused("\n".join(mistakes))
    return Active(Decider(rules), templates)


def is_error(problem: Problem) -> bool:
    """Whether a problem keeps the file from becoming active."""
    return problem.severity == "error"
