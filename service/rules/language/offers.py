"""Pick what editors offer of an installation: its groups, tags, languages, zones and columns."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from service.rules.known_values import KnownValues
from service.rules.rule import GROUP

VALUES_OFFERED = 500
"""Of each field, those that most have."""
OFFERED = (
    *("learner.groups", "learner.locale", "learner.timezone"),
    *("course.tags", "enrollment.source", "event.account"),
)
"""The fields whose values an editor offers, of those that an installation has."""


@dataclass(frozen=True)
class Offers:
    """Hold what editors offer of an installation: values by field, and the extra columns.

    Values of columns may be of one person alone, and are not offered.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, known: KnownValues) -> Self:
        """Pick what to offer from the values that there are."""
        values = {name: _most(known.of(name)) for name in OFFERED}
        return cls(values, _most(known.columns))

    @property
    def groups(self) -> list[str]:
        """Write the groups that an entry can tell."""
        groups = self.values.get("learner.groups", ())
        return [f"{GROUP}{each}" for each in groups if not set(each) & set(";|")]


NO_OFFERS = Offers()


def _most(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(value for value, _ in counts.most_common(VALUES_OFFERED)))
