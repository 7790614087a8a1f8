"""Names: what people call those the ledger knows by an id."""

from typing import Any

from service.app import App
from service.learners.course import CourseRecorded, Title
from service.learners.enrollment import EnrollmentRecorded, Who
from service.learners.instance import InstanceRecorded, Place
from service.rules.notifications import Owed
from service.rules.recipients import ROOM, STEPS_UP


class Names:
    """Looks up people and titles as they are known now."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._abouts: dict[str, Who | Place | Title] = {}

    def learn(self, stream: str, event: Any) -> None:
        """Notes what a stream is about; its first event says so."""
        if isinstance(event, EnrollmentRecorded) and event.who is not None:
            self._abouts[stream] = event.who
        elif isinstance(event, InstanceRecorded) and event.place is not None:
            self._abouts[stream] = event.place
        elif isinstance(event, CourseRecorded) and event.title is not None:
            self._abouts[stream] = event.title

    def place(self, stream: str) -> int:
        """Where a stream stands in the order in which they were first heard of."""
        return list(self._abouts).index(stream) if stream in self._abouts else -1

    def subject(self, stream: str) -> str:
        """`Ada Lindgren, Giving Feedback`, or only the title; empty for no known stream."""
        about = self._abouts.get(stream)
        if about is None:
            return ""
        course = self._app.courses.get(about.source, about.account, about.course)
        title = (course and course.title) or about.course
        return f"{self.learner(about.person)}, {title}" if isinstance(about, Who) else title

    def learner(self, person_id: str) -> str:
        """A learner's name, or the number the LMS has for them."""
        person = self._app.people.get(person_id)
        return (person and (person.name or f"learner {person.lms_id}")) or "somebody"

    def recipient(self, owed: Owed) -> str:
        """Whom a notification is for."""
        if owed.recipient.startswith(ROOM):
            return f"room {owed.recipient.removeprefix(ROOM)}"
        if owed.person is None or owed.recipient not in STEPS_UP:
            return self.learner(owed.recipient)
        return self._above(owed.person, STEPS_UP[owed.recipient])

    def _above(self, person_id: str, steps: int) -> str:
        if not steps:
            return self.learner(person_id)
        found = self._app.people.get(person_id)
        for _ in range(steps):
            found = self._app.people.manager_of(found) if found else None
        if found is None:
            return "manager of " * steps + self.learner(person_id)
        return found.name or found.email or f"learner {found.lms_id}"
