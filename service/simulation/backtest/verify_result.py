"""Say what became of every decision that was made again."""

from collections import Counter

import msgspec

EXAMPLES = 20


class Disagreement(msgspec.Struct, frozen=True):
    """Describe a decision that is not made again as recorded; `fields` are what differs."""

    notification: str
    rule: str
    entry: str
    position: int
    what: str
    fields: tuple[str, ...] = ()


class VerifyResult(msgspec.Struct):
    """Count what became of every recorded decision, and of those that ought to be there.

    `changed` read a person or a course, who are known as they are today only. `unread` are
    rule files that cannot be read any more, and `undecided` the decisions made by them.
    `elsewhere` are those whose inputs are not in the log: which feeds were silent.
    """

    decisions: int = 0
    reproduced: int = 0
    changed: int = 0
    elsewhere: int = 0
    undecided: int = 0
    unread: int = 0
    differ: int = 0
    rows: int = 0
    by_rule: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[Disagreement] = []

    def disagree(self, found: Disagreement) -> None:
        """Count one, and keep the first few."""
        self.differ += 1
        self.by_rule[found.rule] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(found)
