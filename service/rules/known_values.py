"""Know which values people, courses and enrolments have, for what a rule file compares."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property, partial

from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.enrollment_views import values_of
from service.ledger.views import Views
from service.rules.language.columns import column_of


class KnownValues:
    """Count who has each value of a field, as imported, said by letters, and recorded so far.

    A field is counted when it is asked for, and once.
    """

    def __init__(self, people: People, courses: Courses, views: Views) -> None:
        self._people, self._courses = people, courses
        self._recorded = partial(values_of, views)
        self._counted: dict[str, Counter[str]] = {}

    @cached_property
    def columns(self) -> Counter[str]:
        """Count the people of whom each extra column says something."""
        return self._people.columns()

    @cached_property
    def people(self) -> bool:
        """Tell whether anything is known of people, beside that they are there."""
        return self._people.imported() or bool(self.columns)

    @cached_property
    def courses(self) -> bool:
        """Tell whether courses were imported."""
        return bool(self._courses.values("id"))

    def links(self, source: str) -> bool:
        """Tell whether mails about courses of a source have a link."""
        return self._courses.have_links(source)

    def of(self, field: str) -> Counter[str]:
        """Count who has each value of a field."""
        if field not in self._counted:
            column = column_of(field)
            counted = self._people.column(column) if column else self._counts[field]()
            self._counted[field] = counted
        return self._counted[field]

    @cached_property
    def _counts(self) -> Mapping[str, Callable[[], Counter[str]]]:
        people, courses, recorded = self._people, self._courses, self._recorded
        return {
            "learner.groups": people.groups,
            "learner.locale": partial(people.values, "locale"),
            "learner.timezone": partial(people.values, "timezone"),
            "course.id": lambda: courses.ids() + recorded("course"),
            "course.title": lambda: courses.called() + self.of("course.id"),
            "course.tags": partial(courses.values_in, "tags"),
            "course.parents": partial(courses.values_in, "parents"),
            "instance.id": partial(recorded, "instance"),
            "enrollment.source": partial(recorded, "enrolled_by"),
            "event.source": partial(recorded, "source"),
            "event.account": lambda: (
                people.values("account") + courses.values("account") + recorded("account")
            ),
        }
