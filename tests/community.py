"""What Community Training tells of people, handed to an installation's writer as facts."""

from service.learners.facts import (
    Completed,
    Contact,
    Fact,
    FactBody,
    LearnerSeen,
    PlacedFact,
    fact_key,
)
from tests.installation import Installation

SOURCE = "community-training"
ADA = Contact("Ada Lovelace", "ada@example.org", {"phone": "+44 20 7946"})


def said(
    content: FactBody, at: int, person: str, course: str = "2475", contact: Contact | None = ADA
) -> Fact:
    """A fact as the source reads it from a letter, with what it says of the person."""
    name = content.TOPIC.upper()
    return Fact(
        source=SOURCE, account="", name=name, key=fact_key((name, course, str(at)), b""),
        occurred_at=at, said=content, course=course, kind="course" if course else "",
        person=person, contact=contact, title="Logic for Everyone" if course else None,
    )  # fmt: skip


def signed_in(at: int, person: str = "13273", contact: Contact | None = ADA) -> Fact:
    return said(LearnerSeen(), at, person, "", contact)


def finished(at: int, person: str = "13273", contact: Contact | None = ADA) -> Fact:
    return said(Completed(score=50.0), at, person, contact=contact)


def hand(office: Installation, *facts: Fact, at: int, imported: bool = False) -> list[str]:
    """Records facts at a moment and returns what became of each."""
    told = [PlacedFact(fact, 1, item, imported) for item, fact in enumerate(facts)]
    return [each.state for each in office.app.writer.write(told, at, lambda _: ())]
