"""Muting: a person keeps everything, or one rule, from leaving."""

from collections.abc import Mapping
from typing import Any, ClassVar

from service.learners.world import World
from service.ledger.events import EventBody

STREAM = "muting"
MUTED = "muted"


class MutingChanged(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """What is muted since `at`: these rules, by id, and with `everything` all of them."""

    TOPIC: ClassVar[str] = "muting.changed"
    at: int
    everything: bool = False
    rules: tuple[str, ...] = ()

    def covers(self, rule: str) -> bool:
        """Whether this rule is muted."""
        return self.everything or rule in self.rules

    @property
    def names(self) -> str:
        """What is muted, in words."""
        return "every rule" if self.everything else ", ".join(self.rules) or "nothing"


SHAPES: Mapping[str, Any] = {MutingChanged.TOPIC: MutingChanged}
NOTHING = MutingChanged(at=0)


def muting_of(world: World) -> tuple[int, MutingChanged]:
    """What is muted now, and the version of the log that says so."""
    version, newest = world.latest(STREAM) or (0, NOTHING)
    assert isinstance(newest, MutingChanged)
    return version, newest
