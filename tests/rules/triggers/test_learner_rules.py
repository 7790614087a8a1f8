"""Rules about a learner who signs in: whom they tell, what they read, and that it stays true."""

import pytest

from service.learners.directory.people import Person, PersonRow
from service.learners.facts import Contact
from tests.community import hand, signed_in
from tests.installation import MINUTE, START, Installation
from tests.rules.world import ADA, NOW, World, decider, learner, told
from tests.rules.world import signed_in as seen

SEEN = """
  - id: welcome
    trigger: {event: learner.seen}
    notify:
      - {to: learner, via: email, template: completed}
"""


def where(condition: str) -> str:
    return SEEN.replace("notify", f"conditions:\n      - {condition}\n    notify")


def decided(rules: str, world: World | None = None) -> list[str]:
    """Whom a sign-in of Ada leads to."""
    _, appended = told(learner(), seen(NOW))
    decisions = decider(rules)(appended, world or World(), NOW)
    return [owed.recipient for _, owed in decisions.once] if decisions else []


def test_a_sign_in_is_owed_to_the_learner_and_is_about_no_course():
    _, appended = told(learner(), seen(NOW))

    ((_, owed),) = decider(SEEN)(appended, World(), NOW).once

    assert (owed.recipient, owed.person, owed.subject) == ("learner", ADA, f"l{ADA}")
    assert (owed.course, owed.kind, owed.instance) == ("", "", None)
    assert (owed.source, owed.account, owed.trigger) == ("adobe", "1", "learner.seen")


def test_it_tells_managers_groups_and_rooms_as_well():
    world = World()
    world.groups["leads"] = ["b" * 32]
    more = (
        "      - {to: manager, via: email, template: completed}\n"
        "      - {to: 'group:leads', via: email, template: completed}\n"
        "      - {post: room, template: completed}\n"
    )

    assert decided(SEEN + more, world) == ["learner", "manager", "b" * 32, "room:room"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("event.account: '1'", True),
        ("event.account: '2'", False),
        ("event.name: LEARNER.SEEN", True),
        ("event.by_admin: false", True),
        ("learner.groups: {contains: sales}", True),
        ("learner.fields.phone: '1'", True),
        ("learner.has_manager: true", False),
    ],
)
def test_its_conditions_read_the_learner_and_the_event(condition, holds):
    world = World()
    world.people[ADA] = Person(ADA, "adobe", "1", "77", groups=("sales",), fields={"phone": "1"})

    assert bool(decided(where(condition), world)) is holds


def test_an_older_sign_in_leads_to_nothing():
    ada, _ = told(learner(), seen(NOW))
    _, appended = told(ada, seen(NOW - 1))

    assert decider(SEEN)(appended, World(), NOW) is None


def test_who_signs_in_gets_a_message_at_the_address_in_the_same_letter(tmp_path):
    with Installation(tmp_path, SEEN) as office:
        assert hand(office, signed_in(START), signed_in(START), at=START) == [
            "recorded", "duplicate",
        ]  # fmt: skip
        office.tick()

        assert office.states() == ["sent"]
        (mail,) = office.drawer()
        assert "ada@example.org" in mail
        assert "Ada Lovelace" in mail
        assert "None" not in mail
        ((row),) = office.notifications()
        assert (row["course"], row["trigger"]) == ("", "learner.seen")


def test_the_phone_in_the_letter_is_read_at_that_very_sign_in(tmp_path):
    rules = where("learner.fields.phone: {matches: '+44*'}")
    with Installation(tmp_path, rules) as office:
        hand(office, signed_in(START), at=START)
        hand(office, signed_in(START, "2", Contact("Grace", fields={"phone": "+1"})), at=START)
        office.tick()

        assert office.states() == ["sent"]
        log = b"".join(state for *_, state in office.app.ledger.log(0, 99))
        assert b"7946" not in log


def test_a_sign_in_stays_true_whatever_comes_after_it(tmp_path):
    rules = SEEN.replace("notify", "collapse: 10m\n    notify")
    with Installation(tmp_path, rules) as office:
        office.import_people([PersonRow("13273", name="Ada", email="ada@example.org")])
        hand(office, signed_in(START), signed_in(START + MINUTE), at=START + MINUTE)
        hand(office, signed_in(START + 20 * MINUTE), at=START + 20 * MINUTE)
        office.tick(START + 21 * MINUTE)

        assert sorted(office.states()) == ["dropped", "scheduled", "sent"]
        (mail,) = office.drawer()
        assert "None" not in mail
