"""A stage: plays a story on a real installation, through crashes, and tells how it ended."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.app.app import App
from service.rules.notification import AttemptEnded
from service.sending.operator import redrive
from tests.installation import START, Installation
from tests.reliability.fuse import Fuse, Outside, Stop

WORDS = "{{ course.title }}{% for other in others %}, {{ other }}{% endfor %}"
LIST = "{% for item in items %}{{ item.course.title }} {% endfor %}"


OF_ITS_RUN = ("id", "person", "version", "position")
"""Columns that tell how often a story was begun again."""


class Step(NamedTuple):
    """Something that happens at a moment (ms); a crash in it makes it happen again."""

    at: int
    does: Callable[["Stage", int], object]


Story = Sequence[Step]


class Stage(Installation):
    """An installation whose writes go through a fuse, and whose messages go outside."""

    def __init__(self, folder: Path, rules: str, fuse: Fuse) -> None:
        self.fuse = fuse
        self.outside = Outside()
        self.abandoned: list[App] = []
        self.deaf = False
        folder.mkdir(parents=True)
        super().__init__(folder, rules, COURSEBELL_TEMPLATES=str(write_words(folder)))

    def open(self, at: int = START) -> None:
        super().open(at)
        self.fuse.guard(self.app, self.outside)
        if self.deaf:
            self.app.intake._sources = {}

    def play(self, story: Story) -> None:
        """Every step in its turn; what a crash interrupts is done again after a new start."""
        for step in story:
            try:
                step.does(self, step.at)
            except Stop:
                self.abandoned.append(self.app)
                self.fuse = Fuse()
                self.open(step.at)
                step.does(self, step.at)
        self.release(story[-1].at)

    def release(self, at: int) -> None:
        """A person releases what is held: a chat message of which nobody knows if it arrived."""
        held = [row["id"] for row in self.notifications() if row["state"] == "held"]
        redrive(self.app.notification_streams, held, at)
        self.tick(at)

    def leave(self) -> None:
        """Closes the files; a process that is gone does nothing else any more."""
        for app in [*self.abandoned, self.app]:
            app.views.close()
            app.ledger.close()

    def end(self) -> dict[str, Any]:
        """How it all ended, without what differs from run to run: ids made by chance."""
        told = self.notifications()
        ids = {row[name] for row in told for name in ("person", "recipient") if row[name]}
        names = self.app.people.lms_ids(ids)
        subjects = {row["subject"]: f"{names.get(row['person'])} {row['course']}" for row in told}
        about = ("rule", "entry", "recipient", "trigger", "course", "state", "decided_at")
        return {
            "notifications": sorted(
                [subjects[row["subject"]], *(names.get(row[n], str(row[n])) for n in about)]
                for row in told
            ),
            "enrollments": sorted(
                [str(v) for k, v in row.items() if k not in OF_ITS_RUN]
                for row in self.app.views.reader()["enrollments"].rows
            ),
            "instances": [dict(row) for row in self.app.views.reader()["instances"].rows],
            "events": self.events(),
            "words": sorted({outgoing.message.text for outgoing in self.outside.arrived}),
        }

    def events(self) -> Counter[tuple[str, str]]:
        """What became of the events that came in, a sender's repeats left out."""
        letters = self.app.letters.listing(None, 100, None)
        told = [(e["state"], e["name"]) for letter in letters for e in letter["events"]]
        return Counter(each for each in told if each[0] != "duplicate")

    def check(self) -> None:
        """The promises that hold after every crash."""
        counts = self.app.letters.counts()
        assert counts["waiting"] == 0
        assert counts["accepted"] == counts["taken"] + counts["set_aside"]
        copies: dict[str, set[str]] = defaultdict(set)
        for outgoing in self.outside.arrived:
            copies[outgoing.notification].add(f"{outgoing.message_id} {outgoing.message}")
        sent = Counter(outgoing.notification for outgoing in self.outside.arrived)
        for id, words in copies.items():
            assert len(words) == 1, "a repeat has another Message-ID or other words"
            assert sent[id] <= 1 + self.unknowns(id), "repeated without an open attempt"

    def unknowns(self, id: str) -> int:
        bodies = self.app.store.stream(id)
        return sum(isinstance(b, AttemptEnded) and b.outcome == "unknown" for b in bodies)


def write_words(folder: Path) -> Path:
    """Templates that say little, so that a thousand starts are quick."""
    templates = folder / "templates"
    places = ("completed/email", "stalled/email", "almost_full/chat", "letter_set_aside/chat")
    for place in (*places, "list/email"):
        (templates / place).mkdir(parents=True)
        (templates / place / "subject.txt").write_text(place)
        (templates / place / "body.txt").write_text(WORDS if place in places else LIST)
    return templates
