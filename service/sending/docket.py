"""The docket: notifications and what they are about, read from the log to its end."""

from collections.abc import Callable, Mapping, Sequence

from service.learners.aggregates import load
from service.learners.events import Body, EventMapper
from service.learners.heard import FEED, Heard
from service.learners.ledger import Ledger
from service.rules.notifications import Notification
from service.sending.verdict import Subject


class Docket:
    """Reads many streams in one query each time; keeps nothing."""

    def __init__(
        self,
        ledger: Ledger,
        mapper: EventMapper,
        lateness: Mapping[str, int],
        heard: Callable[[], Mapping[str, Heard]] = dict,
    ) -> None:
        """`lateness` in ms and the last letter `heard`, by source."""
        self._ledger = ledger
        self._mapper = mapper
        self._lateness = lateness
        self._heard = heard

    def notifications(self, ids: Sequence[str]) -> list[Notification]:
        """These notifications as the log has them, in the order asked for."""
        found = self._bodies(ids)
        return [Notification.load(id, found[id]) for id in ids if id in found]

    def subjects(self, notifications: Sequence[Notification]) -> dict[str, Subject]:
        """What they are about, by stream."""
        wanted = {n.owed.subject for n in notifications}
        found = self._bodies(list(wanted))
        subjects = {
            stream: Subject(load(stream, bodies, self._lateness), bodies)
            for stream, bodies in found.items()
        }
        if any(subject.startswith(FEED) for subject in wanted):
            subjects |= {heard.id: Subject(heard, ()) for heard in self._heard().values()}
        return subjects

    def newest(self, streams: Sequence[str]) -> dict[str, int]:
        """The newest version of each of these streams, without reading them."""
        marks = ",".join("?" * len(streams))
        rows = self._ledger.reader().execute(
            "SELECT originator_id, MAX(originator_version) FROM stored_events "
            f"WHERE originator_id IN ({marks}) GROUP BY originator_id",
            streams,
        )
        return dict(rows.fetchall())

    def _bodies(self, ids: Sequence[str]) -> dict[str, list[Body]]:
        bodies: dict[str, list[Body]] = {}
        for stream, _, topic, state in self._ledger.streams(list(ids)):
            bodies.setdefault(stream, []).append(self._mapper.decode(topic, state))
        return bodies
