"""A learner as seen by their LMS: when they last signed in, whatever the course."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from service.learners.events import FactRecorded, recorded
from service.learners.facts import Fact, Keys, LearnerSaid, LearnerSeen


class Member(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which learner, without a name; `person` is our own id."""

    source: str
    account: str
    person: str


class LearnerRecorded(FactRecorded[LearnerSaid], frozen=True, kw_only=True, omit_defaults=True):
    """A fact on a learner; `member` on the first event."""

    member: Member | None = None


KINDS = (LearnerSeen,)
SHAPES: Mapping[str, Any] = {
    said.TOPIC: msgspec.defstruct(
        f"{said.__name__}Recorded", [("said", said)], bases=(LearnerRecorded,), frozen=True,
        kw_only=True, omit_defaults=True,
    )
    for said in KINDS
}  # fmt: skip


class Learner(msgspec.Struct, frozen=True, gc=False):
    """A learner as folded so far; `seen_at` is when they were last seen (ms UTC)."""

    id: str
    member: Member
    version: int = 0
    keys: Keys = Keys()
    seen_at: int | None = None

    @staticmethod
    def stream(person: str) -> str:
        """The stream's id: the person's own, which is random and begins with a time."""
        return f"l{person}"

    @classmethod
    def load(cls, id: str, bodies: Iterable[LearnerRecorded]) -> Self:
        """The learner whose stream holds these bodies, first to last."""
        events = list(bodies)
        member = events[0].member
        assert member is not None, f"{id}: the first event of a learner names them"
        folded = cls(id, member)
        for event in events:
            folded = folded.apply(event)
        return folded

    def apply(self, event: LearnerRecorded) -> Self:
        """This learner with one more event of their stream."""
        seen_at = self.seen_at if event.superseded else event.at
        keys = self.keys.having(event.key)
        return type(self)(self.id, self.member, self.version + 1, keys, seen_at)

    def record(
        self, fact: Fact, *, letter: int, item: int, now: int, imported: bool = False
    ) -> tuple[Self, LearnerRecorded] | None:
        """This learner with one more fact, and the event to append; None for a duplicate."""
        if fact.key in self.keys:
            return None
        said = fact.said
        assert isinstance(said, LearnerSaid)
        late = self.seen_at is not None and fact.occurred_at <= self.seen_at
        event = recorded(
            LearnerRecorded,
            fact,
            self.keys,
            letter=letter,
            item=item,
            now=now,
            imported=imported,
            transitions=() if late else (said.TOPIC,),
            superseded=late,
            member=self.member if self.version == 0 else None,
        )
        return self.apply(event), event
