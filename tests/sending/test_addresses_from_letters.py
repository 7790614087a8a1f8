"""An address that a letter brings: who waited for it gets the message, and no import is undone."""

from service.learners.directory.people import PersonRow
from service.learners.facts import Contact
from tests.community import ADA, SOURCE, finished, hand, signed_in
from tests.installation import DAY, DONE, START, Installation

PHONE_ONLY = Contact("Ada Lovelace", fields={"phone": "+44 20 7946"})


def test_what_waits_for_an_address_leaves_when_a_letter_brings_it(office, sink):
    hand(office, finished(START, contact=PHONE_ONLY), at=START)
    office.tick()
    assert office.states() == ["waiting_address"]
    heard = office.app.people.addresses_heard

    hand(office, signed_in(START + DAY), at=START + DAY)

    assert office.app.people.addresses_heard == heard + 1
    office.tick(START + DAY)
    assert office.states() == ["sent"]
    (mail,) = sink.wait_for(1)
    assert mail.recipients == ("ada@example.org",)
    assert "Logic for Everyone" in mail.parsed.as_string()


def test_a_manager_who_waits_for_an_address_is_heard_of_in_a_letter_of_their_own(tmp_path, sink):
    rules = DONE.replace("to: learner", "to: manager")
    with Installation(tmp_path, rules, email=sink.url) as office:
        office.import_people([PersonRow("13273", manager="9")])
        hand(office, finished(START), at=START)
        office.tick()
        assert office.states() == ["waiting_address"]

        boss = Contact("Grace Hopper", "grace@example.org")
        hand(office, signed_in(START + DAY, "9", boss), at=START + DAY)
        office.tick(START + DAY)

        assert office.states() == ["sent"]
        (mail,) = sink.wait_for(1)
        assert mail.recipients == ("grace@example.org",)


def test_the_imported_address_wins_over_the_one_in_the_letter(office, sink):
    office.import_people([PersonRow("13273", source=SOURCE, email="lovelace@example.org")])

    hand(office, finished(START, contact=ADA), at=START)
    office.tick()

    (mail,) = sink.wait_for(1)
    assert mail.recipients == ("lovelace@example.org",)
