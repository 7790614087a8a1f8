"""Plan what is due: load what the plan needs, and make steps of what it says."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from service.learners.facts import Identity
from service.learners.world import Lookup
from service.ledger.events import EventBody
from service.ledger.sql import STORE_ERRORS
from service.ledger.views import Views
from service.rules.calendar import ITEMS_MAX, Settling
from service.rules.decider import Decider
from service.rules.escalation import told_before
from service.rules.fields import ITEM_GROUPS, ITEMS, MORE, OTHERS, SECTIONS, Reading
from service.rules.judgement import Due, Ground, Verdict
from service.rules.notification import GIVEN_UP, OWED, SCHEDULED, Ended, Notification, Owed
from service.rules.plan import Change, PlannedMessage, plan
from service.rules.readers.watchers import WATCHERS
from service.rules.rule import GROUP, MUTING, company_of, joins, muting_of, names_told
from service.rules.verdict import Subject, judge
from service.sending import queue
from service.sending.channels.channel import MessageDefaults, OutgoingMessage
from service.sending.streams import (
    NotificationStreams,
    Update,
    given_back,
    seen,
    silences_of,
    step_of,
)
from service.sending.templates.context import GROUPS, LIST_LENGTH_MAX, FieldGroup
from service.sending.templates.fitting import Fits, Wording, fitting
from service.sending.templates.known_variables import REASONS
from service.sending.templates.several import Say, Unworded, in_pieces
from service.sending.templates.templates import (
    RenderedMessage,
    Section,
    TemplateProblem,
    Templates,
)


def compose(
    message: PlannedMessage, templates: Templates, defaults: MessageDefaults, now: int
) -> OutgoingMessage:
    """Compose one message as it leaves; raises Unworded.

    The Message-ID comes from the notification's id and the domain of its first attempt, so it
    is the same at every attempt, whatever the sender's address is by now.
    """
    notification, recipient = message.lead, message.due.recipient
    domain = notification.message_id.rpartition("@")[2].removesuffix(">") or defaults.domain
    form, locale = ("email", recipient.locale) if recipient else ("chat", None)

    def wording(due: Due) -> Wording:
        return Wording(templates, due.entry.template, form, locale=locale)

    whole = {REASONS: message.reasons(defaults.rules)}

    def say(part: PlannedMessage, way: Say = worded, sections: Sequence[Section] = ()) -> Any:
        words = wording(part.due)
        try:
            values = values_of(part, defaults, bool(part.others) and words.reads(ITEMS))
            return way(words, values | whole | {SECTIONS: sections}, defaults.fits)
        except TemplateProblem as problem:
            end = Ended(at=now, state=GIVEN_UP, reason=f"template: {problem}")
            raise Unworded((part.lead, end)) from problem
        except STORE_ERRORS:
            raise
        except Exception as error:  # what breaks the program must not hold up the others
            raise Unworded((part.lead, broken(part.lead, error, now))) from error

    words = in_pieces(message, wording, say) if message.others else say(message)
    return OutgoingMessage(
        notification=notification.id,
        message_id=f"<{notification.id}@{domain}>",
        address=recipient.email if recipient else None,
        name=recipient.name if recipient else None,
        message=words,
        sent_at=datetime.fromtimestamp(now / 1000, UTC),
        thread=f"<{notification.owed.subject}@{domain}>",
        list_id=f"<{notification.owed.rule}.{domain}>",
        unsubscribe=defaults.links and defaults.links.stop(recipient, message.stoppable),
        sender=templates.brand.sender,
        reply_to=templates.brand.reply_to,
    )


def worded(wording: Wording, values: Mapping[str, Any], fits: Fits) -> RenderedMessage:
    """Put a message into words; what tells of many, or is too long, is made to fit."""
    if not any(values[name] for name in (ITEMS, OTHERS, MORE)):
        templates, template, form, locale = wording
        message = templates.render(template, form, locale=locale, values=values)
        if fits(message):
            return message
    return fitting(wording, values, fits)


def order(item: Reading) -> tuple[str, int, str, str]:
    """Order the items of a digest person by person, and of each as it happened."""
    name, title = names_told(item)
    return name, item.event.at or 0, title, item.subject.id


def values_of(
    message: PlannedMessage, defaults: MessageDefaults, several: bool = False
) -> dict[str, Any]:
    """Give the registry's fields as nested groups, for the words; `several` they can tell of."""
    due, owed = message.due, message.lead.owed
    recipient, reading = due.recipient, due.reading
    values: dict[str, Any] = {name: FieldGroup(name, reading) for name in GROUPS}
    own = {"watch_url": lambda: watch_url(owed, due, defaults)}
    values["instance"] = FieldGroup("instance", reading, own)
    values[REASONS] = reasons = message.reasons(defaults.rules)
    values["recipient"] = {
        "name": recipient.name if recipient else None,
        "role": reasons[0]["role"],
        "group": reasons[0]["group"],
        "timezone": (recipient.timezone if recipient else None) or defaults.timezone,
        "choices_url": defaults.links and defaults.links.choose(recipient),
    }
    rule = defaults.rules.get(owed.rule)
    values["rule"] = {"id": owed.rule, "description": rule and rule.description}
    if rule:
        told = {"told_at": lambda: defaults.sent_at(told_before(rule, due.entry, owed))}
        values["learner"] = FieldGroup("learner", reading, told)
    values["show"] = dict.fromkeys(due.entry.show, True)
    values["replies"] = defaults.replies
    return values | listed(message, several)


def listed(message: PlannedMessage, several: bool) -> dict[str, Any]:
    """Give what is told of in a list: items, or beside the one the titles of others."""
    due, reading = message.due, message.due.reading
    told = {each.reading.subject.id: each.reading for _, each in message.others}
    others = [each for id, each in told.items() if id != reading.subject.id]
    items, digest = sorted(due.items, key=order), due.entry.digest
    most = digest.max_items if digest else 0
    if several and others and not most:
        items, most, others = [reading, *others], ITEMS_MAX, []
    titles = [each("course.title") for each in others]
    named = [str(title) for title in titles if title is not None][:LIST_LENGTH_MAX]
    shown = [{name: FieldGroup(name, item) for name in ITEM_GROUPS} for item in items[:most]]
    more = len(items) - len(shown) + len(titles) - len(named)
    return {ITEMS: shown, OTHERS: named, MORE: more}


def watch_url(owed: Owed, due: Due, defaults: MessageDefaults) -> str | None:
    """Make the link for who reads it, if they learn, and if there is one instance with seats."""
    if defaults.links is None:
        return None
    to, reading = due.entry.to or "", due.reading
    person = owed.recipient if to == WATCHERS or to.startswith(GROUP) else None
    person = reading.learner if to == "learner" else person
    instance = reading.instance
    return defaults.links.watch(person, instance.id) if person and instance else None


log = logging.getLogger(__name__)


class ActiveRules(msgspec.Struct, frozen=True):
    """Hold the rules and templates that are active now, and whether the file has settled."""

    decider: Decider
    templates: Templates
    settling: Settling = Settling()


class SendingContext(msgspec.Struct, frozen=True):
    """Hold what every sender reads: the send queue, the log, the people, and what is active.

    No two threads share one: its `lookup` remembers what it found.
    """

    views: Views
    streams: NotificationStreams
    lookup: Lookup
    active: Callable[[], ActiveRules]


class ReadyMessage(msgspec.Struct, frozen=True):
    """Hold a message as planned and as it leaves; `notification` is the one that speaks.

    `seen` are the streams it was tested against, with their newest versions, and `active` the
    rules; `silences` are the enrolments whose silence it tells of.
    """

    notification: Notification
    message: PlannedMessage
    outgoing: OutgoingMessage
    seen: Mapping[str, int]
    active: ActiveRules
    silences: Sequence[Identity]


class DeliveryPlan(NamedTuple):
    """Hold what leaves, and what is to be recorded whatever becomes of that."""

    ready: Sequence[ReadyMessage]
    steps: Sequence[Update]


class Planner:
    """Judge again what is due, by the rules, the log and the people of now."""

    def __init__(self, context: SendingContext, defaults: MessageDefaults) -> None:
        self._streams = context.streams
        self._views = context.views
        self._lookup = context.lookup
        self._active = context.active
        self._defaults = replace(defaults, sent_at=context.streams.sent_at)

    def plan(self, found: Sequence[Notification], now: int) -> DeliveryPlan:
        """Plan notifications that are due, those of one moment as one message."""
        with self._streams.store.one_moment():
            self._lookup.forget(n.owed.person for n in found if n.owed.person)
            return self._planned(self._together(found), now)

    def look_again(self, waiting: Sequence[Notification], now: int) -> Sequence[Update]:
        """Plan notifications that wait for an address or a title; nothing leaves."""
        self._lookup.forget()
        return self._planned([[each] for each in waiting], now).steps

    def at_the_last_moment(self, ready: ReadyMessage, now: int) -> ReadyMessage | EventBody:
        """Give a claimed message as it may leave now, or its end if it has become untrue.

        One that something is to be taken out of is planned again: that is written with a claim.
        One that another worker has taken over meanwhile is left to it.
        """
        # A silence hangs on streams, too, that were not there yet when it was tested.
        beside = self._streams.beside(ready.silences)
        chose = self._chose(ready.outgoing.address)
        newest = self._streams.store.newest([*ready.seen, *chose]) | beside
        if newest == ready.seen and self._active() is ready.active:
            return ready
        lead, again = ready.notification, given_back(now)
        if newest[lead.id] != lead.version:
            return again
        self._lookup.forget()
        spoken_for = self._streams.notifications(lead.speaks_for)
        planned = self._planned([[lead, *(n for n in spoken_for if n.into == lead.id)]], now)
        if planned.ready and not planned.ready[0].message.released:
            return planned.ready[0]
        whole = not planned.ready and all(step.notification is lead for step in planned.steps)
        return planned.steps[0].body if whole and planned.steps else again

    def _chose(self, address: str | None) -> list[str]:
        """Name the stream of what a reader chose, if they did; they may have just now."""
        stream = self._lookup.choices_stream(address) if address else None
        return [stream] if stream else []

    def _planned(self, groups: Sequence[Sequence[Notification]], now: int) -> DeliveryPlan:
        """Load what the plan of these groups needs, plan, and compose the words of each message."""
        active, (muting, muted) = self._active(), muting_of(self._lookup.latest)
        ground = Ground(
            active.decider, self._lookup, now=now, muted=muted, settling=active.settling
        )
        due = [n for group in groups for n in group]
        subjects = self._streams.subjects(due)
        silences = {n.id: silences_of(n, subjects[n.id]) for n in due if n.id in subjects}
        beside = {id: self._streams.beside(each) for id, each in silences.items()}
        composer = Composer(active, self._defaults, now)
        planned = plan(
            groups, lambda n: verdict(judge, n, subjects, ground=ground), ground, composer.accept
        )
        ready = [
            ReadyMessage(
                notification=m.lead,
                message=m,
                outgoing=composer.outgoing[m.lead.id],
                seen={MUTING: muting} | seen(m, beside, subjects),
                active=active,
                silences=[about for n in m.notifications for about in silences[n.id]],
            )
            for m in planned.messages
        ]
        return DeliveryPlan(ready, [step_of(n, body, muting) for n, body in planned.endings])

    def _together(self, found: Sequence[Notification]) -> list[list[Notification]]:
        """Group what becomes one message, the first of each due, with what one has spoken for."""
        groups: dict[str, list[Notification]] = {}
        for first in found:
            key = company_of(first)
            if key is None or first.state not in (OWED, SCHEDULED):
                groups[first.id] = [first]
            elif key not in groups:
                groups[key] = [first, *self._others(first, key)]
        return list(groups.values())

    def _others(self, first: Notification, key: str) -> list[Notification]:
        """Read what leaves with the first one, and what these have spoken for before."""
        ids = queue.together(self._views, key) if first.attempts == 0 else []
        others = self._streams.notifications([id for id in ids if id != first.id])
        speakers = {n.id: n for n in (first, *others) if n is first or joins(n, first)}
        ids = [id for n in speakers.values() for id in n.speaks_for]
        spoken = [n for n in self._streams.notifications(ids) if n.into in speakers]
        return [*list(speakers.values())[1:], *spoken]


class Composer:
    """Compose messages as they are planned; what cannot be composed is given up."""

    def __init__(self, active: ActiveRules, defaults: MessageDefaults, now: int) -> None:
        self.outgoing: dict[str, OutgoingMessage] = {}
        self._templates = active.templates
        rules = active.decider.rules
        self._defaults = replace(defaults, timezone=rules.defaults.timezone, rules=rules.by_id)
        self._now = now

    def accept(self, message: PlannedMessage) -> Change | None:
        """Compose a message; returns the end of what fails instead, if anything does."""
        lead, now = message.lead, self._now
        try:
            self.outgoing[lead.id] = compose(
                message, self._templates, defaults=self._defaults, now=now
            )
        except Unworded as unworded:
            return unworded.change
        return None


def verdict(
    judged: Callable[[Notification, Subject, Ground], Verdict],
    notification: Notification,
    subjects: Mapping[str, Subject],
    ground: Ground,
) -> Verdict:
    """Judge one of many notifications; one that the program fails on is given up alone."""
    try:
        return judged(notification, subjects[notification.id], ground)
    except STORE_ERRORS:
        raise
    except Exception as error:  # what breaks the program must not hold up the others
        return broken(notification, error, ground.now)


def broken(notification: Notification, error: Exception, now: int) -> Ended:
    """End a notification that the program fails on; to be called where the error is caught."""
    about = {"event": "notification.broken", "notification": notification.id}
    log.exception("%s breaks the program and is given up", notification.id, extra=about)
    reason = f"the program failed on it ({type(error).__name__}); redrive it after a fix"
    return Ended(at=now, state=GIVEN_UP, reason=reason)
