"""Events as the ledger keeps them: their shapes, their topics, and how old shapes are read."""

from typing import Any, Generic, TypeVar

from service.learners.facts import Fact, Keys, Said
from service.ledger.events import Body

S = TypeVar("S", bound=Said)


class FactRecorded(Body, Generic[S], frozen=True, kw_only=True, omit_defaults=True):
    """A fact on an aggregate, with what it changed.

    `at` is when it happened, `recorded_at` when we wrote it (both ms UTC); `letter` and `item`
    say where it came from; `transitions` are what rules are triggered by, decided once, here;
    a `superseded` fact changed nothing; `conflict` marks an LMS event id already used for
    another story; on an `imported` one nothing was decided.
    """

    said: S
    at: int
    key: str
    name: str
    recorded_at: int
    letter: int = 0
    item: int = 0
    by_admin: bool = False
    transitions: tuple[str, ...] = ()
    superseded: bool = False
    conflict: bool = False
    imported: bool = False

    @property
    def topic(self) -> str:
        """A fact's event is named after the fact."""
        return self.said.TOPIC


R = TypeVar("R", bound=FactRecorded[Any])


def recorded(
    kind: type[R],
    fact: Fact,
    keys: Keys,
    *,
    letter: int,
    item: int,
    now: int,
    imported: bool,
    **own: Any,
) -> R:
    """The event of a fact on an aggregate with these keys; `own` are the fields of its kind."""
    return kind(
        said=fact.said,
        at=fact.occurred_at,
        key=fact.key,
        name=fact.name,
        recorded_at=now,
        letter=letter,
        item=item,
        by_admin=fact.by_admin,
        conflict=keys.conflicts(fact.key),
        imported=imported,
        **own,
    )
