"""Hold what a person has muted: a rule, or everything.

What is muted is tested when a message is to leave: rules go on deciding meanwhile.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from service.ledger.events import EventBody, Latest

STREAM = "muting"
MUTED = "muted"


class MutingChanged(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record what is muted since `at`: these rules, by id, and with `everything` all of them."""

    TOPIC: ClassVar[str] = "muting.changed"
    at: int
    everything: bool = False
    rules: tuple[str, ...] = ()

    def covers(self, rule: str) -> bool:
        """Tell whether a rule is muted."""
        return self.everything or rule in self.rules

    @property
    def names(self) -> str:
        """Say what is muted."""
        return "every rule" if self.everything else ", ".join(self.rules) or "nothing"


SHAPES: Mapping[str, Any] = {MutingChanged.TOPIC: MutingChanged}
NOTHING = MutingChanged(at=0)


def muting_of(latest: Latest) -> tuple[int, MutingChanged]:
    """Tell what is muted now, and the version of the stream that says so."""
    version, newest = latest(STREAM) or (0, NOTHING)
    assert isinstance(newest, MutingChanged)
    return version, newest
