"""Digests: what a replay collects for one reader, and what becomes of it when they close."""

from collections.abc import Iterator, Sequence

from service.rehearsal.replay_subjects import Subjects
from service.rehearsal.replay_world import Past
from service.rules.decide import Decider
from service.rules.notification import Notification
from service.rules.notifications import CANCELLED, Ended, WaitingForAddress
from service.rules.recipients import ROOM, recipient_of
from service.sending.collecting import Item, MadeUp, make_up
from service.sending.verdict import ADDRESS_WAIT_MS, Standing, standing

Reader = tuple[str, str, str]
"""A rule, an entry, and who is to read: a person's id, a room, or empty for nobody known."""


class Collector:
    """Closes digests as the service does, by the same functions."""

    def __init__(self, decider: Decider, world: Past, subjects: Subjects) -> None:
        self._decider = decider
        self._world = world
        self._subjects = subjects

    def close(self, items: Sequence[Notification], now: int) -> Iterator[MadeUp]:
        """What becomes of the items whose closing has come, reader by reader."""
        readers: dict[Reader, list[Notification]] = {}
        for item in items:
            readers.setdefault(self._reader(item), []).append(item)
        for (_, _, recipient), mine in readers.items():
            yield self._made_up(mine, recipient, now)

    def _reader(self, item: Notification) -> Reader:
        owed = item.owed
        recipient = owed.recipient
        if not recipient.startswith(ROOM):
            found = recipient_of(recipient, owed.person, self._world)
            recipient = found.id if found and found.email else ""
        return owed.rule, owed.entry, recipient

    def _made_up(self, items: Sequence[Notification], recipient: str, now: int) -> MadeUp:
        made, stands = MadeUp(), list[Item]()
        for item in items:
            subject = self._subjects.of(item.owed)
            found = standing(item, subject, self._decider, self._world, now)
            if not isinstance(found, Standing):
                made.add(item, found)
            elif found.entry.digest is None:
                made.add(item, Ended(at=now, state=CANCELLED, reason="rule_removed"))
            elif not recipient:
                made.add(item, WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS))
            else:
                stands.append((item, found))
        person = None if recipient.startswith(ROOM) else self._world.person(recipient)
        defaults = self._decider.rules.defaults
        make_up(made, stands, recipient, person, defaults, self._world, now)
        return made
