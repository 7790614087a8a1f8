"""Hear reports of bounces and complaints: which count, and whom nobody writes to any more."""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from threading import Lock
from typing import Any, NamedTuple

from service.incoming.bounces.report import BounceReport
from service.learners.directory.people import address_key
from service.learners.world import Lookup
from service.ledger.events import EventStore
from service.rules.notification import SENT, AttemptEnded, Notification, Owed
from service.rules.readers.choice_requests import ChoiceRequests
from service.rules.readers.choices import BOUNCED, Unreachable
from service.rules.rule import find_reader, route_of
from service.sending.address_bounces import NO_SUCH_ADDRESS

MESSAGE_ID = re.compile(r"<(n[0-9a-f]{32})@[^<>\s]+>")
VAGUE = frozenset({"", "5.0.0"})
"""Codes that say nothing: then it counts that whoever reports calls it permanent."""


log = logging.getLogger(__name__)


class Sent(NamedTuple):
    """Hold a message that has left: to which address, as far as it is known, and when (ms UTC)."""

    address: str
    at: int


class BounceHearing:
    """Weigh reports, one at a time; they come by several threads.

    `reports` counts them since the start by who brought them, `ses` or `imap`, and whether they
    counted; `last` is when somebody brought one last (ms UTC).
    """

    def __init__(
        self, store: EventStore, lookup: Lookup, requests: ChoiceRequests, *, redirects: bool
    ) -> None:
        """Take whether all mail goes to one address: then no message went to its reader."""
        self.reports: Counter[tuple[str, bool]] = Counter()
        self.last: dict[str, int] = {}
        self._store = store
        self._lookup = lookup
        self._requests = requests
        self._redirects = redirects
        self._lock = Lock()

    def hear(self, reports: Iterable[BounceReport], now: int, by: str) -> int:
        """Suppress the addresses of those that count; return how many counted."""
        with self._lock:
            self._lookup.forget()
            counted = [self._hear(report, now) for report in reports]
            self.reports.update((by, each) for each in counted)
            if counted:
                self.last[by] = now
        if heard := sum(counted):
            about = {"event": "bounces.heard", "count": heard, "by": by}
            log.info("addresses that are written to no more", extra=about)
        return heard

    def _hear(self, report: BounceReport, now: int) -> bool:
        if report.reason == BOUNCED and report.status not in NO_SUCH_ADDRESS | VAGUE:
            return False
        address = self._address_of(report, now)
        if address is None:
            return False
        code = "" if report.status in VAGUE else report.status
        self._requests.unreached(address, Unreachable(report.reason, now, code))
        return True

    def _address_of(self, report: BounceReport, now: int) -> str | None:
        """Give the address that it is of, if it is a reader's to whom that message really went.

        What left, or bounced, before the address was last written to again is over.
        """
        if report.message_id is None:
            sent = self._known(report.address, report.at or now)
        else:
            sent = self._sent(report.message_id)
            named = report.address or self._redirects
            if named and sent and address_key(sent.address) != address_key(report.address):
                return None
        if sent is None or sent.at < self._requests.lifted_at(sent.address):
            return None
        return sent.address

    def _known(self, address: str, at: int) -> Sent | None:
        """Take whoever has an address for its reader, where the message is not said."""
        if "@" not in address:
            return None  # it would be somebody's id
        readers = self._requests.readers(address, None, None)
        return next((Sent(person.email, at) for person in readers if person.email), None)

    def _sent(self, message_id: str) -> Sent | None:
        """Find a message that left under an id; None if none did, or nobody is its reader now."""
        named = MESSAGE_ID.fullmatch(message_id)
        bodies: Any = self._store.streams([named[1]]).get(named[1]) if named else None
        if not named or not bodies:
            return None
        found = Notification.load(named[1], bodies)
        ended = (body for body in bodies if body.topic == AttemptEnded.TOPIC)
        at = max((end.at for end in ended if end.outcome == "accepted"), default=0)
        if found.state != SENT or found.message_id != message_id or not at:
            return None
        address = self._reader_of(found.owed)
        return Sent(address, at) if address else None

    def _reader_of(self, owed: Owed) -> str | None:
        role = route_of(owed.entry)
        reader = find_reader(owed.recipient, owed.person, self._lookup, role=role).person
        return reader.email if reader else None
