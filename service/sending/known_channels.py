"""Know which way each channel sends, so that none turns to the drawer by itself."""

from collections.abc import Mapping
from typing import Any, ClassVar

from service.ledger.events import EventBody, EventStore, Latest
from service.rules.rule import RuleSet
from service.sending.channels import DRAWER, channel_kind

STREAM = "channels"


class ChannelsOpened(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record of which kind each channel is, `at` the latest; also those that are gone."""

    TOPIC: ClassVar[str] = "channels.opened"
    at: int
    kinds: dict[str, str]


SHAPES: Mapping[str, Any] = {ChannelsOpened.TOPIC: ChannelsOpened}


def known_kinds(latest: Latest) -> tuple[int, Mapping[str, str]]:
    """Tell the kind of each channel that was ever open, and the version that says so."""
    version, newest = latest(STREAM) or (0, None)
    return version, newest.kinds if isinstance(newest, ChannelsOpened) else {}


def turned_to_drawer(rules: RuleSet, latest: Latest) -> dict[str, str]:
    """Name the channels that would be a drawer only because a variable is not set any more.

    Each with what to do. `drawer://` as the variable's value, or written in the rule file, is
    meant.
    """
    _, kinds = known_kinds(latest)
    return {
        name: f"channel '{name}': {variable} is not set, and this has been a way for "
        f"{kinds[name]} here; what it owes is kept, not put into the drawer. Set {variable}, to "
        "drawer:// if the drawer is meant"
        for name, variable in rules.unset.items()
        if channel_kind(rules.channels[name]) == DRAWER and kinds.get(name, DRAWER) != DRAWER
    }


def record_kinds(store: EventStore, rules: RuleSet, now: int) -> None:
    """Record of which kind the channels are now; one that turned to the drawer stays what it was.

    Twice changes nothing; where all was put into the drawer from the beginning nothing is recorded.
    """
    version, before = known_kinds(store.latest)
    held = turned_to_drawer(rules, store.latest)
    opened = {name: channel_kind(url) for name, url in rules.channels.items() if name not in held}
    changed = {name: kind for name, kind in opened.items() if before.get(name, DRAWER) != kind}
    if changed:
        event = ChannelsOpened(at=now, kinds={**before, **changed})
        store.append_unless_moved([(STREAM, version + 1, event)])
