"""Digests: what is collected for one reader and leaves as one message."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

from service.learners.facts import Identity
from service.ledger.events import EventBody
from service.rules.calendar import Closing
from service.rules.fanout import notification_id_of
from service.rules.field_values import Bundle
from service.rules.notification import Notification, Owed
from service.rules.rule import Entry, Rule

TRIGGER = "digest"
REASON = "digest"


class DigestClosed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """A digest was made up at `at` of these notifications; `local` names the closing."""

    TOPIC: ClassVar[str] = "digest.closed"
    at: int
    local: str
    items: tuple[str, ...]


SHAPES: Mapping[str, Any] = {DigestClosed.TOPIC: DigestClosed}


def stream_of(rule: Rule, entry: Entry, recipient: str, group: Sequence[str]) -> str:
    """The stream of a digest: for one reader, by one entry, of one group of things."""
    name = "\x1f".join((rule.mode, rule.id, entry.key, recipient, *group)).encode()
    return f"d{blake2b(name, digest_size=16).hexdigest()}"


def group_of(owed: Owed, entry: Entry) -> tuple[str, ...]:
    """The values by which a digest keeps an item apart from others."""
    assert entry.digest is not None
    values: Mapping[str, str | None] = {
        "course.id": owed.course, "course.kind": owed.kind, "instance.id": owed.instance,
        "event.source": owed.source, "event.account": owed.account,
    }  # fmt: skip
    return tuple(values[field] or "" for field in entry.digest.group_by)


def bundle_of(stream: str, items: Sequence[Owed]) -> Bundle:
    """What these items have in common."""

    def common(name: str) -> Any:
        values = {getattr(owed, name) for owed in items}
        return values.pop() if len(values) == 1 else ""

    about = Identity(
        common("source"),
        common("account"),
        course=common("course"),
        kind=common("kind"),
        instance=common("instance") or None,
    )
    return Bundle(stream, about)


def closed(
    rule: Rule, entry: Entry, recipient: str, stream: str, version: int, closing: Closing,
    items: Sequence[Notification], now: int,
) -> tuple[DigestClosed, str, Owed]:  # fmt: skip
    """The closing of a digest, at this version of its stream, and the notification it makes."""
    about = bundle_of(stream, [item.owed for item in items]).about
    id = notification_id_of(rule, entry, "", "", stream, closing.local, recipient, closing.at)
    owed = Owed(
        rule=rule.id, entry=entry.key, mode=rule.mode, template=entry.template,
        channel=entry.channel, recipient=recipient, trigger=TRIGGER, occurrence=closing.local,
        subject=stream, version=version, source=about.source, account=about.account,
        course=about.course, kind=about.kind, instance=about.instance, decided_at=now,
        due_at=now, event_at=closing.at,
    )  # fmt: skip
    return DigestClosed(at=now, local=closing.local, items=tuple(i.id for i in items)), id, owed
