"""Occasions: with what values, and to whom, a template is previewed."""

from collections.abc import Mapping
from typing import NamedTuple

from service.app.event_types import SHAPES
from service.cli.output.console import fail
from service.incoming.letters import Letters
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.lookup import Lookup
from service.ledger.events import EventMapper
from service.ledger.ledger import Ledger
from service.rules.calendar import ITEMS_MAX, Digest
from service.rules.field_values import Reading
from service.rules.language.reader import read_rules
from service.rules.notification import Notification
from service.rules.recipients import ROOM, recipient_of
from service.rules.rule import Entry, RuleSet
from service.rules.verdict import Leaves, Subject, event_of
from service.sending.compose import Post, values_of
from service.sending.delivery_pool import WITHOUT_DOMAIN
from service.sending.loader import Docket
from service.sending.templates.sample import sample_for
from service.settings import Settings
from service.simulation.sandbox import without_secrets

NOBODY = "recipient@example.org"
"""Where the address is not known."""


class Occasion(NamedTuple):
    """The values of a message, and who reads it; `form` is how it would leave."""

    form: str
    values: Mapping[str, object]
    name: str | None
    address: str


def rules_of(chosen: Settings) -> RuleSet | None:
    """The rules as their file is now; None while it has mistakes or is not there."""
    if not chosen.rules.is_file():
        return None
    environ = without_secrets(chosen).environment
    return read_rules(chosen.rules.read_bytes(), environ=environ)[0]


def from_sample(template: str, form: str, rules: RuleSet | None) -> Occasion:
    """Made-up values; by mail it is told to whom the first rule with this template tells it."""
    uses = [(rule.id, entry) for rule in rules.rules for entry in rule.entries] if rules else []
    fitting = [
        (id, e.to) for id, e in uses if e.template == template and bool(e.post) == room(form)
    ]
    rule, to = (*fitting, ("sample", "learner"))[0]
    role = "room" if room(form) else (to or "learner").partition(":")[0]
    values = sample_for(role, rule)
    address = "ada@example.org" if role == "learner" else "grace@example.org"
    return Occasion(form, values, values["recipient"]["name"], address)


def room(form: str) -> bool:
    """Whether a form is for rooms, and for nobody in particular."""
    return form == "chat"


class Archive:
    """The ledger of an installation, looked into; nothing is recorded."""

    def __init__(self, ledger: Ledger, chosen: Settings) -> None:
        mapper = EventMapper(SHAPES)
        lateness = {name: source.lateness for name, source in chosen.sources.items()}
        letters = Letters(ledger)
        self._docket = Docket(ledger, mapper, lateness, letters.feeds.heard, letters.asides.of)
        self._lookup = Lookup(ledger, mapper, People(ledger), Courses(ledger))
        self._domain = chosen.mail_domain or WITHOUT_DOMAIN

    def occasion(self, id: str, rules: RuleSet | None, now: int) -> Occasion:
        """What a delivery at `now` (ms UTC) would tell and whom, as the log and the people are.

        Its values are read from the ledger when the words ask for them.
        """
        found = self._docket.notifications([id])
        if not found:
            fail(f"{id}: no such notification; `coursebell notifications list` shows them")
        others = self._docket.notifications(found[0].speaks_for)
        subjects = self._docket.subjects([*found, *others])
        entries = [e for rule in (rules.rules if rules else ()) for e in rule.entries]
        digests = [e.digest for e in entries if e.key == found[0].owed.entry and e.digest]
        most = digests[0].max_items if digests else ITEMS_MAX
        lead, *named = [self._leaves(n, subjects, now, most) for n in (*found, *others)]
        post = Post(self._domain, rules.defaults.timezone if rules else "UTC")
        person = lead.recipient
        return Occasion(
            "chat" if found[0].owed.recipient.startswith(ROOM) else "email",
            values_of(found[0], lead, named, post),
            person.name if person else None,
            (person.email if person else None) or NOBODY,
        )

    def _leaves(
        self, notification: Notification, subjects: Mapping[str, Subject], now: int, most: int
    ) -> Leaves:
        owed = notification.owed
        subject = subjects.get(notification.id)
        if subject is None:
            fail(f"{notification.id}: the ledger knows nothing any more of what it is about")
        reading = Reading(subject.aggregate, event_of(notification.owed), self._lookup, now)
        post = owed.channel if owed.recipient.startswith(ROOM) else None
        person = None if post else recipient_of(owed.recipient, reading.learner, self._lookup)
        items = [
            Reading(item.subject.aggregate, event_of(item.owed), self._lookup, now)
            for item in subject.items
        ]
        digest = Digest("day", 0, max_items=most) if items else None
        entry = Entry(owed.recipient, owed.channel, post, owed.template, digest=digest)
        return Leaves(entry, person, reading, items)
