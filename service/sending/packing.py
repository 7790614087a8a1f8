"""Packing: from a notification that may leave to the words and the address it leaves with."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from service.rules.fields import FIELDS
from service.rules.notifications import Notification
from service.rules.reading import WORDS_ONLY, Reading
from service.sending.parcel import Parcel
from service.sending.rendering import Templates
from service.sending.verdict import Leaves

WEIGHTS = {"certification": 2, "learning_path": 1}
"""Of messages that become one, the one about the larger thing speaks for the others."""
VALUES = tuple(name for name in FIELDS if name not in WORDS_ONLY)
Leaving = tuple[Notification, Leaves]


class Post(msgspec.Struct, frozen=True):
    """What every message of this installation has in common.

    `domain` stands in every Message-ID; `timezone` is for people whose zone is not known.
    """

    domain: str
    timezone: str = "UTC"


def chosen_of(leaving: Sequence[Leaving]) -> tuple[Leaving, list[Leaving]]:
    """The notification that speaks, and the others it speaks for."""
    ranked = sorted(
        leaving,
        key=lambda each: (-WEIGHTS.get(each[0].owed.kind, 0), each[0].owed.decided_at, each[0].id),
    )
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

    The Message-ID comes from the notification's id, so it is the same at every attempt.
    """
    owed, recipient = notification.owed, leaves.recipient
    form = "chat" if recipient is None else "email"
    values = values_of(notification, leaves, others, post)
    locale = recipient.locale if recipient else None
    return Parcel(
        notification=notification.id,
        message_id=f"<{notification.id}@{post.domain}>",
        address=recipient.email if recipient else None,
        name=recipient.name if recipient else None,
        message=templates.render(owed.template, form, locale, values),
        sent_at=datetime.fromtimestamp(now / 1000, UTC),
        thread=f"<{owed.subject}@{post.domain}>",
        list_id=f"<{owed.rule}.{post.domain}>",
    )


def values_of(
    notification: Notification, leaves: Leaves, others: Sequence[Leaves], post: Post
) -> dict[str, object]:
    """The registry's fields as nested groups, for the words."""
    recipient, reading = leaves.recipient, leaves.reading
    values: dict[str, object] = groups_of(reading)
    role = notification.owed.recipient.partition(":")[0]
    values["recipient"] = {
        "name": recipient.name if recipient else None,
        "role": role,
        "timezone": (recipient.timezone if recipient else None) or post.timezone,
    }
    values["rule"] = {"id": notification.owed.rule}
    values["others"] = [str(each.reading("course.title")) for each in others]
    return values


def groups_of(reading: Reading) -> dict[str, object]:
    """Every field that is not of the message itself, by its group."""
    groups: dict[str, dict[str, object]] = {}
    for name in VALUES:
        group, _, field = name.partition(".")
        groups.setdefault(group, {})[field] = reading(name)
    groups["learner"]["fields"] = dict(reading.person.fields) if reading.person else {}
    return dict(groups)
