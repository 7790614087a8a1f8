"""Read what a reader chose on their page; what cannot be is named, and nothing is changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from service.learners.directory.time_zones import zones
from service.rules.calendar import DAY_MINUTES, DAYS
from service.rules.choices import Choices, OwnHours, OwnList
from service.rules.language.values import minute_of_day

LONGEST_AWAY = timedelta(days=366)
Form = Mapping[str, Sequence[str]]


class FormRefused(ValueError):
    """Name the fields of a form that say what cannot be."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class ChoicesForm:
    """Read a form field by field; a field it does not have says what the page would show empty."""

    def __init__(self, form: Form, now: int) -> None:
        self._form = form
        self._today = datetime.fromtimestamp(now / 1000, UTC).date()
        self._wrong: dict[str, None] = {}

    def choices(
        self, before: Choices, stoppable: Collection[str], spoken: Collection[str]
    ) -> Choices:
        """Give the choices; raises FormRefused.

        Of the kinds that the page showed those without a tick are stopped, if they are
        `stoppable`; of others it says nothing. `spoken` are the languages there are.
        """
        shown = self._one("shown").split()
        unwanted = set(shown) & set(stoppable) - set(self._form.get("kind", ()))
        stopped = unwanted | (set(before.stopped) - set(shown))
        found = Choices(
            stopped=tuple(sorted(stopped)),
            stopped_all=self._one("all") == "stop",
            own_list=self._own_list(),
            own_hours=self._own_hours(),
            back_on=self._back_on(),
            locale=self._one_of("locale", spoken),
            timezone=self._one_of("timezone", zones()),
        )
        if self._wrong:
            raise FormRefused(list(self._wrong))
        return found

    def _one(self, name: str) -> str:
        return next(iter(self._form.get(name, ())), "").strip()

    def _one_of(self, name: str, known: Collection[str]) -> str | None:
        said = self._one(name)
        if said and said not in known:
            self._wrong[name] = None
        return said or None

    def _minute(self, name: str, otherwise: str) -> int:
        found = minute_of_day(self._one(name) or otherwise)
        if found is None:
            self._wrong[name] = None
        return found or 0

    def _own_list(self) -> OwnList | None:
        way = self._one("way")
        if way == "day":
            return OwnList("day", self._minute("list_at", "08:00") % DAY_MINUTES)
        if way == "week":
            (on,) = self._weekdays("list_on")[:1] or (0,)
            return OwnList("week", self._minute("list_at", "08:00") % DAY_MINUTES, on)
        return None

    def _own_hours(self) -> OwnHours | None:
        if self._one("hours") != "own":
            return None
        days, begin = self._weekdays("day"), self._minute("begins", "00:00")
        end = self._minute("ends", "24:00") or DAY_MINUTES
        if not days:
            self._wrong["day"] = None
        if begin >= end:
            self._wrong["ends"] = None
        return OwnHours(days, begin, end)

    def _weekdays(self, name: str) -> tuple[int, ...]:
        known = {str(day): day for day in range(DAYS)}
        said = self._form.get(name, ())
        if not all(each in known for each in said):
            self._wrong[name] = None
        return tuple(sorted({known[each] for each in said if each in known}))

    def _back_on(self) -> str | None:
        """Read the first day back; one that has come says that they are there."""
        said = self._one("back_on")
        try:
            day = date.fromisoformat(said) if said else self._today
        except ValueError:
            day = date.max
        if day - self._today > LONGEST_AWAY:
            self._wrong["back_on"] = None
            return None
        return day.isoformat() if day > self._today else None
