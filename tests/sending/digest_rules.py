"""Rules with digests, and an installation whose templates fit them."""

from pathlib import Path

from service.learners.directory.people import PersonRow
from service.rules.digests import DigestClosed
from tests.installation import DAY, MINUTE, START, Installation

BERLIN = "defaults: {timezone: Europe/Berlin}"
TEAM = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: list, digest: {every: day, at: "08:30"}}
"""
BOSS = PersonRow("1", name="Marie Curie", email="marie@example.org")
PUPILS = [
    PersonRow(str(n), name=f"Pupil {n}", email=f"p{n}@example.org", manager="1")
    for n in range(70, 80)
]
CLOSING = START + DAY - 90 * MINUTE
"""Tuesday, 08:30 in Berlin: 07:30 UTC."""
WORDS = """{% for item in items %}
{{ item.learner.name }}: {{ item.course.title }}
{% endfor %}
{% if more %}and {{ more }} more
{% endif %}"""


def office(folder: Path, rules: str = TEAM, head: str = BERLIN, **more: str) -> Installation:
    """An installation with one template, `list`, for digests."""
    templates = folder / "templates"
    templates.mkdir(exist_ok=True)
    for form in ("email", "chat"):
        place = templates / "list" / form
        place.mkdir(parents=True, exist_ok=True)
        (place / "body.txt").write_text(WORDS)
        (place / "subject.txt").write_text("A list")
    told = {"COURSEBELL_TEMPLATES": str(templates), **more}
    found = Installation(folder, rules, head=head, **told)
    found.import_people([BOSS, *PUPILS])
    return found


def closings(desk: Installation) -> list[DigestClosed]:
    rows = desk.app.ledger.log(0, 10_000)
    bodies = [desk.app.store.mapper.decode(topic, state) for *_, topic, state in rows]
    return [body for body in bodies if isinstance(body, DigestClosed)]
