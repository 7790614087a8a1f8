"""Compose the app, where the wings meet. `tick` is the whole flow on one screen."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from service.app.active_rules import Refused, read_active, state_of_files
from service.app.adobe_directory import adobe_api, adobe_refresh
from service.app.agreed_files import AgreedFiles
from service.app.bounce_hearing import BounceHearing
from service.app.event_types import event_store
from service.app.installed_views import open_views
from service.app.queues import open_queues
from service.app.ways_out import delivery_pool
from service.incoming.adobe_api.refresh import AdobeRefresh
from service.incoming.intake import Intake
from service.incoming.letters import Letters
from service.incoming.queues.consumer import QueueConsumer, QueueError
from service.incoming.set_aside import SetAsideQuery
from service.incoming.sources.adobe import Adobe
from service.incoming.sources.community_training import CommunityTraining
from service.incoming.sources.source import Source
from service.incoming.sources.sunbird import Sunbird
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.signed_links import signed_links
from service.learners.world import Lookup
from service.learners.writer import Writer
from service.rules.calendar import MINUTE
from service.rules.escalation import First
from service.rules.readers.choice_requests import ChoiceRequests
from service.rules.readers.watch_requests import WatchRequests
from service.rules.rule import Rule
from service.rules.scheduler import Scheduler
from service.rules.settling import settling
from service.rules.triggers.channel_failing import ChannelWatch, recorded_channel
from service.rules.triggers.letter_set_aside import LetterWatch
from service.rules.triggers.source_silent import FeedWatch
from service.sending import queue
from service.sending.channel_health import failing_channels
from service.sending.channels import ChannelError
from service.sending.close_digests import DigestCloser
from service.sending.known_channels import record_kinds, turned_to_drawer
from service.sending.operator import bring_forward, cancel_removed, let_return
from service.sending.planner import ActiveRules, SendingContext
from service.sending.second_look import SecondLook
from service.sending.streams import NotificationStreams
from service.settings import Settings, read_settings

SOURCES: tuple[Source, ...] = (
    Adobe(),
    CommunityTraining(),
    Sunbird(),
)
"""The learning management systems we understand: one line each."""
SWEEP_EVERY_MS = 10 * MINUTE


class App:
    """Wire together everything one installation is made of; nothing runs by itself."""

    adobe: AdobeRefresh | None = None

    def __init__(self, settings: Settings, *, owns_views: bool = True) -> None:
        """Open the data folder and the rules; raises LedgerError or Refused."""
        self.settings = settings
        self.sources = {source.name: source for source in SOURCES}
        self.files = state_of_files(settings)
        self.active = read_active(settings, SOURCES)
        self.ledger = settings.ledger.open()
        self.store = event_store(self.ledger)
        self.people = People(self.ledger)
        self.courses = Courses(self.ledger, settings.course_urls)
        self.letters = Letters(self.ledger)
        self.asides = SetAsideQuery(self.ledger)
        self.watch_requests = WatchRequests(self.store, self.people)
        self.choice_requests = ChoiceRequests(self.store, self.people)
        self.links = signed_links(settings.data, settings.public_url, settings.secret_key)
        self.views = open_views(settings.data, self.store, owner=owns_views)
        self.writer = Writer(self.store, self._lookup(), lambda *asked: self.active.decider(*asked))
        self.agreed_files = AgreedFiles(self.store, settings, self.writer.commit)
        self.intake = Intake(self.letters, self.sources, self.writer)
        heard, asides = self.letters.feeds.heard, self.asides.of
        self.notification_streams = NotificationStreams(
            self.store, settings.timings, heard=heard, asides=asides
        )
        self.scheduler = Scheduler(
            self.writer,
            self.views,
            firsts=self._firsts,
            removal_delay=settings.removal_delay,
        )
        redirects = settings.redirect_all_to is not None
        self.bounce_hearing = BounceHearing(
            self.store, self._lookup(), self.choice_requests, redirects=redirects
        )
        self.digest_closer = DigestCloser(self._sending_context())
        self.second_look = SecondLook(self._sending_context())
        self.feed_watch = FeedWatch(self.writer)
        self.channel_watch = ChannelWatch(self.writer)
        self.letter_watch = LetterWatch(self.writer, self.asides.after)
        self.deliveries = delivery_pool(
            settings, self._sending_context, self.links, suppress=self.choice_requests.bounced
        )
        self.queues: list[QueueConsumer] = []
        self.held_channels: dict[str, str] = {}
        """Why each of these is not open, though the rules name it: what it owes is kept."""
        self._sweep_at = 0

    def open_adobe_api(self, clock: Callable[[], int]) -> None:
        """Make Adobe's API ready to be asked, if there are settings for it."""
        if api := adobe_api(self.settings, self.ledger, clock):
            self.adobe = adobe_refresh(
                api, self.views, max_age=self.settings.adobe_api.max_age, told=self.people_told_of
            )
            self.courses.awaits = self.adobe.awaits

    def people_told_of(self) -> None:
        """Notice that this process has told of people or courses beside the writer."""
        self.ledger.as_others += 1

    def _lookup(self) -> Lookup:
        return Lookup(self.store, self.people, self.courses, timings=self.settings.timings)

    def _sending_context(self) -> SendingContext:
        return SendingContext(
            views=self.views,
            streams=self.notification_streams,
            lookup=self._lookup(),
            active=lambda: self.active,
        )

    def _firsts(self, rule: Rule, after: int, until: int, limit: int) -> list[First]:
        ids = queue.decided(self.views, rule, after=after, until=until, limit=limit)
        found = self.notification_streams.notifications(ids)
        about = self.notification_streams.subjects(found)
        return [(notification, about[notification.id]) for notification in found]

    def start(self, now: int) -> None:
        """Take up where the last run stopped; call once, before the first tick.

        Raises Refused when a channel cannot be opened, or another process works.
        """
        self.open_channels()
        if not self.ledger.lease.acquire():
            raise Refused("another process works on this ledger; stop that one first")
        self.recover(now)

    def open_channels(self) -> None:
        """Open what the active rules name, without connecting yet; raises Refused."""
        self.prepare(self.active)

    def open_ways(self, clock: Callable[[], int]) -> None:
        """Open channels and queues; raises Refused."""
        self.open_channels()
        try:
            keep = self.letters.from_queue
            self.queues = open_queues(self.settings, self.sources, keep=keep, clock=clock)
        except QueueError as error:
            raise Refused(str(error)) from error

    def stand_down(self, clock: Callable[[], int]) -> None:
        """Leave the work to another process, ready to take it up again by `recover`."""
        self.writer.forget()
        self.deliveries.use({}, {})
        self.open_ways(clock)

    def recover(self, now: int) -> None:
        """Read from the log what the last run left: marks, views, and attempts left open."""
        self.intake.recover()
        self.scheduler.recover()
        self.feed_watch.recover()
        self.active = self.settled(self.active, now)
        self._record_active(now)
        self.deliveries.take_over(now)

    def tick(self, now: int) -> None:
        """Run the whole flow once, at the moment `now` (ms since 1970 UTC)."""
        self.take(now)
        self.ask(now)
        self.views.catch_up()
        self.sweep(now)
        while self.look_again(now):
            pass
        self.close_digests(now)
        self.deliver(now)

    def take(self, now: int) -> int:
        """Take letters: they become facts, facts become events, and the rules decide at each."""
        taken = 0
        while round := self.intake.take(now):
            taken += round
        return taken

    def ask(self, now: int) -> None:
        """Ask who has fallen silent, to the last of them, and how the feeds are."""
        self.ask_feeds(now)
        while self.ask_some(now):
            pass

    def ask_feeds(self, now: int, at_most: int | None = None) -> None:
        """Ask which feeds have stopped talking, which channels fail, which letters are of no use.

        The service ran `at_most` so long (ms) since.
        """
        self.feed_watch.ask(self.active.decider, self.letters.feeds.heard(), now, at_most=at_most)
        self.channel_watch.ask(self.active.decider, failing_channels(self.deliveries.health), now)
        while self.letter_watch.ask(self.active.decider, now):
            pass

    def ask_some(self, now: int) -> bool:
        """Ask about one page of silences, unless a letter is waiting that may say otherwise.

        Or may be: in a queue that was not read to its end. Returns true when there are more to
        be asked about.
        """
        oldest = self.letters.oldest_waiting()
        if self.behind() or (oldest is not None and oldest <= now):
            return False
        return self.scheduler.ask(self.active.decider, now)

    def behind(self) -> list[str]:
        """List the queues that are not known to have been read to their end."""
        return [queue.name for queue in self.queues if not queue.is_current()]

    def close_digests(self, now: int) -> None:
        """Make of what was collected and is due one message for each reader."""
        if self.digest_closer.close(now):
            self.views.catch_up()

    def look_again(self, now: int) -> bool:
        """Look at some of what was put off, if its readers chose anew; true when there is more."""
        more = self.second_look.look(now)
        self.views.catch_up()
        return more

    def deliver(self, now: int, stopping: Callable[[], bool] = lambda: False) -> None:
        """Deliver what is owed, by every channel."""
        for delivery in list(self.deliveries.in_use.values()):
            if delivery.look_again(now):
                self.views.catch_up()
            while not stopping() and delivery.deliver(now, stopping):
                self.views.catch_up()

    def reload(self, now: int) -> bool:
        """Make the rule file as it is now active; raises Refused and keeps the old one.

        Returns false when it was active already.
        """
        return self.use(read_active(self.settings, SOURCES), now)

    def use(self, fresh: ActiveRules, now: int) -> bool:
        """Make these rules active; as `reload`."""
        self.prepare(self.settled(fresh, now))
        return self._record_active(now)

    def settled(self, active: ActiveRules, now: int) -> ActiveRules:
        """Give the rules with what other files have said until now, as far as that settles."""
        return replace(
            active,
            settling=settling(self.store, active.decider.rules, self.settings.removal_delay, now),
        )

    def _record_active(self, now: int) -> bool:
        """Record which rule file is active; false if it was already.

        What it does not say is held until it has settled, what it says again leaves.
        """
        self.letter_watch.activate(self.active.decider, self.asides.newest(), now)
        fresh_file = self.scheduler.activate(self.active.decider, now)
        self.agreed_files.agree(self.active, now)
        rules, recorded = self.active.decider.rules, partial(recorded_channel, self.store.latest)
        record_kinds(self.store, rules, now)
        self.deliveries.tend(rules.channels, self.held_channels, recorded=recorded, now=now)
        self.views.catch_up()
        back = self._live - self.active.settling.changed
        let_return(self.notification_streams, self.views, live=back, now=now)
        self._sweep_at = self.active.settling.until
        self.sweep(now)
        return fresh_file

    @property
    def _live(self) -> set[str]:
        return {rule.id for rule in self.active.decider.rules.rules if rule.mode == "live"}

    def sweep(self, now: int) -> None:
        """End what nobody looks at any more, now and then, once the rule file has settled."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY_MS
            self.cancel_removed(now)
            self.views.catch_up()

    def cancel_removed(self, now: int) -> None:
        """End what is owed because of a rule, or by a channel, that is there no more.

        Not before the file that says so no more has settled.
        """
        if now >= self.active.settling.until:
            channels = set(self.active.decider.rules.channels)
            cancel_removed(
                self.notification_streams, self.views, channels=channels, live=self._live, now=now
            )

    def bring_forward(self, now: int) -> None:
        """Let nothing wait for a time that a clock showed by mistake; it is judged again."""
        self.views.catch_up()
        bring_forward(self.notification_streams, self.views, now)

    def prepare(self, active: ActiveRules) -> None:
        """Open what the rules name and close what they do not; raises Refused before either."""
        rules = active.decider.rules
        held = turned_to_drawer(rules, self.store.latest)
        urls = {name: url for name, url in rules.channels.items() if name not in held}
        try:
            opened = self.deliveries.opened(urls)
        except ChannelError as error:
            raise Refused(str(error)) from error
        self.active, self.held_channels = active, held
        self.deliveries.use(urls, opened)

    def changes_of_people(self) -> object:
        """Give what changes when addresses may have: by another process, a letter, an API."""
        return self.ledger.revision(), self.people.addresses_heard

    def newest_event_at(self) -> int | None:
        """Tell when something was recorded last (ms UTC): a clock behind that is wrong."""
        moments = (self.letters.newest_taken_at(), self.scheduler.last_asked_at())
        return max((at for at in moments if at is not None), default=None)

    def close(self) -> None:
        """Let go of channels and files."""
        self.deliveries.close()
        with suppress(Exception):
            self.ledger.checkpoint()
        self.views.close()
        self.ledger.close()


def settings_of(environ: Mapping[str, str], *, dotenv: Path | None = None) -> Settings:
    """Read the settings for these sources; raises SettingsError with every mistake at once."""
    timings = {source.name: source.timing for source in SOURCES}
    return read_settings(environ, timings, dotenv=dotenv)
