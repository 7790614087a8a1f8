"""Packing: from a notification that may leave to the words and the address it leaves with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from service.rules.field_values import WORDS_ONLY, Reading
from service.rules.fields import FIELDS, ITEM_GROUPS
from service.rules.notification import Notification
from service.rules.recipients import GROUP
from service.rules.verdict import Leaves
from service.rules.watchers import WATCHERS
from service.sending.channels.channel import Parcel
from service.sending.templates.templates import Templates

WEIGHTS = {"certification": 2, "learning_path": 1}
"""Of messages that become one, the one about the larger thing speaks for the others."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(name.partition(".")[2] for name in names)
    for group, names in groupby(sorted(FIELDS.keys() - WORDS_ONLY), lambda n: n.partition(".")[0])
}
"""The fields that are not of the message itself, by their group."""
Leaving = tuple[Notification, Leaves]


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


def chosen_of(leaving: Sequence[Leaving]) -> tuple[Leaving, list[Leaving]]:
    """The notification that speaks, and the others it speaks for; who spoke before speaks on."""

    def rank(each: Leaving) -> tuple[bool, int, int, str]:
        notification, owed = each[0], each[0].owed
        weight = WEIGHTS.get(owed.kind, 0)
        return not notification.speaks_for, -weight, owed.decided_at, notification.id

    ranked = sorted(leaving, key=rank)
    return ranked[0], ranked[1:]


def parcel_of(
    notification: Notification,
    leaves: Leaves,
    others: Sequence[Leaves],
    templates: Templates,
    post: Post,
    now: int,
) -> Parcel:
    """The parcel of one message; raises TemplateProblem.

    The Message-ID comes from the notification's id and the domain of its first attempt, so it
    is the same at every attempt, whatever the sender's address is by now.
    """
    owed, recipient = notification.owed, leaves.recipient
    domain = notification.message_id.rpartition("@")[2].removesuffix(">") or post.domain
    form = "chat" if recipient is None else "email"
    values = values_of(notification, leaves, others, post)
    locale = recipient.locale if recipient else None
    return Parcel(
        notification=notification.id,
        message_id=f"<{notification.id}@{domain}>",
        address=recipient.email if recipient else None,
        name=recipient.name if recipient else None,
        message=templates.render(leaves.entry.template, form, locale, values),
        sent_at=datetime.fromtimestamp(now / 1000, UTC),
        thread=f"<{owed.subject}@{domain}>",
        list_id=f"<{owed.rule}.{domain}>",
    )


def order(item: Reading) -> tuple[str, int, str]:
    """Items of a digest are read person by person, and of each as it happened."""
    name, title = item("learner.name"), item("course.title")
    return str(name or ""), item.event.at or 0, str(title or "")


def values_of(
    notification: Notification, leaves: Leaves, others: Sequence[Leaves], post: Post
) -> dict[str, object]:
    """The registry's fields as nested groups, for the words."""
    recipient, reading = leaves.recipient, leaves.reading
    values: dict[str, object] = {name: Group(name, reading) for name in GROUPS}
    own = {"watch_url": lambda: watch_url(notification, leaves, post)}
    values["instance"] = Group("instance", reading, own)
    owed = notification.owed
    role = (leaves.entry.to or owed.recipient).partition(":")[0]
    values["recipient"] = {
        "name": recipient.name if recipient else None,
        "role": role,
        "timezone": (recipient.timezone if recipient else None) or post.timezone,
    }
    values["rule"] = {"id": owed.rule}
    titles = (each.reading("course.title") for each in others)
    values["others"] = [str(title) for title in titles if title is not None]
    shown = leaves.entry.digest.max_items if leaves.entry.digest else 0
    items = sorted(leaves.items, key=order) if shown else ()
    values["items"] = [{name: Group(name, item) for name in ITEM_GROUPS} for item in items[:shown]]
    values["more"] = len(leaves.items) - len(leaves.items[:shown])
    return values


def watch_url(notification: Notification, leaves: Leaves, post: Post) -> str | None:
    """The link for who reads it, if they learn, and if there is one instance with seats."""
    if post.watch_link is None:
        return None
    to, reading = leaves.entry.to or "", leaves.reading
    person = notification.owed.recipient if to == WATCHERS or to.startswith(GROUP) else None
    person = reading.learner if to == "learner" else person
    instance = reading.instance
    return post.watch_link(person, instance.id) if person and instance else None
