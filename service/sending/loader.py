"""The docket: notifications and what they are about, read from the log to its end."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from eventsourcing.persistence import IntegrityError

from service.learners.feed_subjects import FEED, LETTER, LetterSetAside, SilentSource, letter_of
from service.learners.world import load
from service.ledger.events import EventBody, EventMapper
from service.ledger.ledger import ROWS_PER_QUERY, Ledger
from service.rules.digests import DigestClosed, bundle_of
from service.rules.notification import DIGEST, Notification
from service.rules.subject import Item, Subject


class Docket:
    """Reads many streams in one query each time; keeps nothing."""

    def __init__(
        self,
        ledger: Ledger,
        mapper: EventMapper,
        lateness: Mapping[str, int],
        heard: Callable[[], Mapping[str, SilentSource]] = dict,
        asides: Callable[[Sequence[int]], Iterable[LetterSetAside]] = lambda _: (),
    ) -> None:
        """`lateness` in ms and the last letter `heard`, by source; `asides` by their numbers."""
        self._ledger = ledger
        self._mapper = mapper
        self._lateness = lateness
        self._heard = heard
        self._asides = asides

    def notifications(self, ids: Sequence[str]) -> list[Notification]:
        """These notifications as the log has them, in the order asked for."""
        found = self._bodies(ids)
        return [Notification.load(id, found[id]) for id in ids if id in found]

    def subjects(self, notifications: Sequence[Notification]) -> dict[str, Subject]:
        """What each is about, by its id, if the log knows of it; for a digest that is its items."""
        items = self._items([n for n in notifications if n.owed.trigger == DIGEST])
        plain = [n.owed for n in notifications if n.owed.trigger != DIGEST]
        plain += [n.owed for found in items.values() for n in found]
        known = self._subjects({owed.subject for owed in plain})
        subjects = {}
        for n in notifications:
            if n.id in items:
                about = bundle_of(n.owed.subject, [item.owed for item in items[n.id]])
                inner = [Item(item.owed, known[item.owed.subject]) for item in items[n.id]]
                subjects[n.id] = Subject(about, (), inner)
            elif n.owed.subject in known:
                subjects[n.id] = known[n.owed.subject]
        return subjects

    def _items(self, digests: Sequence[Notification]) -> dict[str, list[Notification]]:
        """The items of each digest, by its id, as they were when it was made up."""
        if not digests:
            return {}
        streams = self._bodies(list({n.owed.subject for n in digests}))
        closed = {n.id: streams[n.owed.subject][n.owed.version - 1] for n in digests}
        ids = {n: body.items for n, body in closed.items() if isinstance(body, DigestClosed)}
        wanted = list({item for items in ids.values() for item in items})
        found = {n.id: n for n in self.notifications(wanted)}
        return {id: [found[item] for item in items] for id, items in ids.items()}

    def _subjects(self, wanted: Collection[str]) -> dict[str, Subject]:
        found = self._bodies(list(wanted))
        subjects = {
            stream: Subject(load(stream, bodies, self._lateness), bodies)
            for stream, bodies in found.items()
        }
        if any(subject.startswith(FEED) for subject in wanted):
            subjects |= {heard.id: Subject(heard, ()) for heard in self._heard().values()}
        letters = [letter_of(subject) for subject in wanted if subject.startswith(LETTER)]
        subjects |= {aside.id: Subject(aside, ()) for aside in self._asides(letters)}
        return subjects

    def newest(self, streams: Sequence[str]) -> dict[str, int]:
        """The newest version of each of these streams, 0 if it has none, without reading them."""
        found = dict.fromkeys(streams, 0)
        for start in range(0, len(streams), ROWS_PER_QUERY):
            chunk = streams[start : start + ROWS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            rows = self._ledger.reader().execute(
                "SELECT originator_id, MAX(originator_version) FROM stored_events "
                f"WHERE originator_id IN ({marks}) GROUP BY originator_id",
                chunk,
            )
            found |= dict(rows.fetchall())
        return found

    def insist(self, rests_on: Mapping[str, int]) -> None:
        """Raises IntegrityError unless each stream has just this newest version.

        Inside a transaction it stays so until the end of that.
        """
        if rests_on and self.newest(list(rests_on)) != rests_on:
            raise IntegrityError("a stream that this rests on has moved")

    def _bodies(self, ids: Sequence[str]) -> dict[str, list[EventBody]]:
        bodies: dict[str, list[EventBody]] = {}
        for stream, _, topic, state in self._ledger.streams(list(ids)):
            bodies.setdefault(stream, []).append(self._mapper.decode(topic, state))
        return bodies
