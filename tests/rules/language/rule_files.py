"""The beginnings of rule files that the tests of the language share, and what is told of a file."""

from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules

FORMS = frozenset({"email", "chat"})
NAMES = ("completed", "team_completion", "seat_free", "almost_full", "stalled")
TEMPLATES = dict.fromkeys(NAMES, FORMS)

HEAD = """\
version: 1
channels:
  email: drawer://
  room: json://host/
rules:
  - id: completed
    trigger: {event: enrollment.completed}
"""
NOTIFY = "    notify: [{to: learner, via: email, template: completed}]\n"
ROOM = "    notify: [{post: room, template: almost_full}]\n"
SEATS = HEAD.replace("event: enrollment.completed", "change: instance.seats_available")
SEEN = HEAD.replace("enrollment.completed", "learner.seen")
QUIET = HEAD.replace("event: enrollment.completed", "source_silent_for: 3h")
FAILING = HEAD.replace("event: enrollment.completed", "channel_failing_for: 30m, channel: email")
LETTER = HEAD.replace("enrollment.completed", "letter.set_aside")


def problems(text: str | bytes, **options: object) -> list[str]:
    """List what is wrong with a rule file, as a person reads it."""
    arguments = {"environ": {}, "installed": Installed(TEMPLATES), **options}
    return [str(problem) for problem in read_rules(text, **arguments)[1]]  # type: ignore[arg-type]
