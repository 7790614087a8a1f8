"""Packing: from a notification that may leave to the words and the address it leaves with."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from service.rules.field_values import WORDS_ONLY, Reading
from service.rules.fields import FIELDS, ITEM_GROUPS
from service.rules.notification import Owed
from service.rules.plan import Message
from service.rules.recipients import GROUP
from service.rules.verdict import Due
from service.rules.watchers import WATCHERS
from service.sending.channels.channel import Parcel
from service.sending.templates.templates import Templates

GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(name.partition(".")[2] for name in names)
    for group, names in groupby(sorted(FIELDS.keys() - WORDS_ONLY), lambda n: n.partition(".")[0])
}
"""The fields that are not of the message itself, by their group."""


class Group(Mapping[str, object]):
    """One group of the registry's fields, each looked up when the words ask for it.

    `own` are those that are of the message itself.
    """

    def __init__(
        self, name: str, reading: Reading, own: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        self._name = name
        self._reading = reading
        self._own = own or {}

    def __getitem__(self, field: str) -> object:
        if (self._name, field) == ("learner", "fields"):
            person = self._reading.person
            return dict(person.fields) if person else {}
        if field in self._own:
            return self._own[field]()
        if field not in GROUPS[self._name]:
            raise KeyError(field)
        return self._reading(f"{self._name}.{field}")

    def __iter__(self) -> Iterator[str]:
        return iter(GROUPS[self._name])

    def __len__(self) -> int:
        return len(GROUPS[self._name])


class Post(msgspec.Struct, frozen=True):
    """What every message of this installation has in common.

    `domain` stands in every Message-ID; `timezone` is for people whose zone is not known.
    `watch_link` gives the link by which a person (id) asks to be told of an instance (stream).
    """

    domain: str
    timezone: str = "UTC"
    watch_link: Callable[[str, str], str] | None = None


def parcel_of(message: Message, templates: Templates, post: Post, now: int) -> Parcel:
    """Make the parcel of one message; raises TemplateProblem.

    The Message-ID comes from the notification's id and the domain of its first attempt, so it
    is the same at every attempt, whatever the sender's address is by now.
    """
    notification, recipient = message.lead, message.due.recipient
    owed = notification.owed
    domain = notification.message_id.rpartition("@")[2].removesuffix(">") or post.domain
    form = "chat" if recipient is None else "email"
    values = values_of(message, post)
    locale = recipient.locale if recipient else None
    return Parcel(
        notification=notification.id,
        message_id=f"<{notification.id}@{domain}>",
        address=recipient.email if recipient else None,
        name=recipient.name if recipient else None,
        message=templates.render(message.due.entry.template, form, locale, values),
        sent_at=datetime.fromtimestamp(now / 1000, UTC),
        thread=f"<{owed.subject}@{domain}>",
        list_id=f"<{owed.rule}.{domain}>",
    )


def order(item: Reading) -> tuple[str, int, str]:
    """Items of a digest are read person by person, and of each as it happened."""
    name, title = item("learner.name"), item("course.title")
    return str(name or ""), item.event.at or 0, str(title or "")


def values_of(message: Message, post: Post) -> dict[str, object]:
    """Give the registry's fields as nested groups, for the words."""
    due, owed = message.due, message.lead.owed
    recipient, reading = due.recipient, due.reading
    values: dict[str, object] = {name: Group(name, reading) for name in GROUPS}
    own = {"watch_url": lambda: watch_url(owed, due, post)}
    values["instance"] = Group("instance", reading, own)
    role = (due.entry.to or owed.recipient).partition(":")[0]
    values["recipient"] = {
        "name": recipient.name if recipient else None,
        "role": role,
        "timezone": (recipient.timezone if recipient else None) or post.timezone,
    }
    values["rule"] = {"id": owed.rule}
    titles = (each.reading("course.title") for _, each in message.others)
    values["others"] = [str(title) for title in titles if title is not None]
    shown = due.entry.digest.max_items if due.entry.digest else 0
    items = sorted(due.items, key=order) if shown else ()
    values["items"] = [{name: Group(name, item) for name in ITEM_GROUPS} for item in items[:shown]]
    values["more"] = len(due.items) - len(due.items[:shown])
    return values


def watch_url(owed: Owed, due: Due, post: Post) -> str | None:
    """Make the link for who reads it, if they learn, and if there is one instance with seats."""
    if post.watch_link is None:
        return None
    to, reading = due.entry.to or "", due.reading
    person = owed.recipient if to == WATCHERS or to.startswith(GROUP) else None
    person = reading.learner if to == "learner" else person
    instance = reading.instance
    return post.watch_link(person, instance.id) if person and instance else None
