"""What letters say of people: imports win, letters fill, and of two letters the later counts."""

from itertools import permutations

import msgspec
import pytest
from msgspec.structs import replace

from service.learners.directory.people import Person, PersonRow, filled
from service.learners.facts import Contact, Fact
from service.learners.world import AppendedEvent, World
from service.ledger.sql import STORE_ERRORS
from tests.learners.cast import NOW, completed, day, enrolled, progress, seen
from tests.learners.writer_with_rules import FAILS, Desk, by

KEY = ("adobe", "1234", "77")
ADA = Contact("Ada Lovelace", "ada@example.org", {"phone": "+44 20 1"})
MARRIED = Contact("Ada King", "king@example.org")


def says(fact: Fact, contact: Contact | None = ADA, **more: str) -> Fact:
    """The fact in a letter that also says this of its person; the key does not know."""
    return msgspec.structs.replace(fact, contact=contact, **more)


def imports(desk: Desk, **data: object) -> None:
    with desk.ledger.transaction() as cursor:
        desk.people.store(cursor, [PersonRow("77", **data)], NOW)  # type: ignore[arg-type]
    desk.writer.forget()


def known(desk: Desk) -> Person:
    """Ada as rules, deliveries and people know her, which is the same."""
    (person,) = desk.people.known([KEY]).values()
    found = desk.people.get(person)
    assert found is not None
    assert found == desk.people.find(KEY) == desk.writer.world(NOW).person(person)
    return found


def test_a_letter_fills_what_no_import_said(desk: Desk) -> None:
    desk.write(says(enrolled(day(1))))

    ada = known(desk)
    assert (ada.name, ada.email, ada.fields) == (ADA.name, ADA.email, ADA.fields)


def test_an_import_wins_field_by_field_whichever_came_first(desk: Desk) -> None:
    row = {"name": "Ada  LOVELACE", "fields": {"phone": "1", "site": "London"}, "locale": "en"}
    imports(desk, **row)
    desk.write(says(enrolled(day(1)), replace(ADA, fields={"phone": "2", "id": "3"})))

    ada = known(desk)
    assert (ada.name, ada.email, ada.locale) == ("Ada  LOVELACE", "ada@example.org", "en")
    assert ada.fields == {"phone": "1", "site": "London", "id": "3"}
    imports(desk, source="adobe", email="lovelace@example.org")
    assert known(desk).email == "lovelace@example.org"


def test_an_import_for_everyone_wins_too_and_leaves_other_accounts_alone(desk: Desk) -> None:
    imports(desk, name="Ada Lovelace", locale="en")
    desk.write(says(enrolled(day(1))), by(enrolled(day(1)), account="5"))

    assert (known(desk).locale, known(desk).email) == ("en", "ada@example.org")
    other = desk.people.find(("adobe", "5", "77"))
    assert other is not None
    assert (other.name, other.email) == ("Ada Lovelace", None)


def test_of_two_letters_the_one_whose_fact_happened_later_counts(desk: Desk) -> None:
    stories = [says(enrolled(day(1))), says(progress(day(2), 5.0), MARRIED), enrolled(day(3))]
    for number, order in enumerate(permutations(stories)):
        learner = str(100 + number)
        for each in order:
            desk.write(by(each, person=learner))
        ada = desk.people.find(("adobe", "1234", learner))
        assert ada is not None
        assert (ada.name, ada.email, ada.fields) == ("Ada King", "king@example.org", {})


def test_of_one_moment_the_first_word_stays(desk: Desk) -> None:
    desk.write(says(enrolled(day(1))))
    desk.write(says(progress(day(1), 5.0), MARRIED))

    assert known(desk).name == "Ada Lovelace"


def test_a_contact_that_says_nothing_takes_nothing_away(desk: Desk) -> None:
    desk.write(says(enrolled(day(1))), says(progress(day(2), 5.0), Contact()))

    assert known(desk).name == "Ada Lovelace"


def test_a_duplicate_changes_nothing_and_a_superseded_fact_still_speaks(desk: Desk) -> None:
    desk.write(says(enrolled(day(1))), completed(day(10)))

    assert desk.write(says(enrolled(day(1)), MARRIED)) == ["duplicate"]
    assert known(desk).name == "Ada Lovelace"
    assert desk.write(says(progress(day(2), 5.0), MARRIED), says(progress(day(10, 5), 6.0))) == [
        "recorded", "superseded",
    ]  # fmt: skip
    assert known(desk).name == "Ada Lovelace"


def test_rules_see_what_the_letter_says_at_that_very_fact_and_at_later_ones(desk: Desk) -> None:
    told: list[tuple[str, str | None, str | None]] = []

    def rule(appended: AppendedEvent, world: World) -> None:
        who = appended.aggregate.about.person  # type: ignore[union-attr]
        person, course = world.person(who), world.course("adobe", "1234", "course:1")
        title = course.title if course else None
        told.append((appended.event.name, person.fields.get("phone") if person else None, title))

    desk.rule = rule  # type: ignore[assignment]
    again = Contact("Ada Lovelace", "ada@example.org", {"phone": "+44 20 2"})
    desk.write(
        enrolled(day(1)), says(progress(day(2), 5.0), title="Logic"), completed(day(3)),
        enrolled(day(40)), says(completed(day(50)), again, title="Logic II"),
    )  # fmt: skip
    desk.write(says(enrolled(day(80)), again), says(completed(day(81)), ADA, title="Logic III"))
    assert told == [
        ("COURSE_ENROLLMENT", None, None), ("LEARNER_PROGRESS", "+44 20 1", "Logic"),
        ("COURSE_COMPLETED", "+44 20 1", "Logic"), ("COURSE_ENROLLMENT", "+44 20 1", "Logic"),
        ("COURSE_COMPLETED", "+44 20 2", "Logic II"),
        ("COURSE_ENROLLMENT", "+44 20 2", "Logic II"),
        ("COURSE_COMPLETED", "+44 20 1", "Logic III"),
    ]  # fmt: skip
    assert known(desk).fields == {"phone": "+44 20 1"}


def test_what_was_remembered_of_a_person_is_read_anew_after_their_letter(desk: Desk) -> None:
    desk.write(enrolled(day(1)))
    assert known(desk).name is None

    desk.write(says(progress(day(2), 5.0), title="Logic"))

    assert known(desk).name == "Ada Lovelace"
    course = desk.writer.world(NOW).course("adobe", "1234", "course:1")
    assert course is not None
    assert course.title == "Logic"


def test_what_is_not_committed_is_not_known(desk: Desk) -> None:
    desk.write(enrolled(day(1)))
    known(desk)
    with pytest.raises(STORE_ERRORS):
        desk.write(says(progress(day(2), 5.0)), marks=lambda _: [FAILS])

    assert (known(desk).name, desk.people.addresses_heard) == (None, 0)
    desk.write(says(progress(day(2), 5.0)))
    assert (known(desk).name, desk.people.addresses_heard) == ("Ada Lovelace", 1)


def test_a_letter_that_repeats_what_is_known_writes_its_date_if_that_is_later(desk: Desk) -> None:
    desk.write(says(progress(day(2), 5.0), title="Logic"))
    before = rows(desk)
    known(desk)

    desk.write(says(enrolled(day(1)), title="Logic"))
    assert rows(desk) == before
    desk.write(says(progress(day(3), 6.0), title="Logic"), says(seen(day(4))))

    (contact, title), (contact_was, title_was) = rows(desk), before
    assert set(contact) - set(contact_was) == {day(4)}
    assert set(title) - set(title_was) == {day(3)}
    assert (known(desk).name, desk.people.addresses_heard) == ("Ada Lovelace", 1)


def test_what_came_from_between_two_letters_that_agree_does_not_count(desk: Desk) -> None:
    stories = [says(enrolled(day(0)), title="Logic"), says(progress(day(5), 5.0), title="Logic"),
               says(progress(day(3), 4.0), MARRIED, title="Old")]  # fmt: skip
    for number, order in enumerate(permutations(stories)):
        learner, course = str(100 + number), f"course:{100 + number}"
        for each in order:
            desk.write(by(each, person=learner, course=course))
        ada = desk.people.find(("adobe", "1234", learner))
        logic = desk.writer.world(NOW).course("adobe", "1234", course)
        assert ada and logic
        assert (ada.email, ada.name, logic.title) == (ADA.email, ADA.name, "Logic")


def test_only_another_contact_takes_an_address_away_in_any_order(desk: Desk) -> None:
    named, phone = Contact("Ada King"), Contact("Ada", None, {"phone": "1"})
    kept = [says(enrolled(day(1))), says(progress(day(2), 5.0), named), says(seen(day(3)), None)]
    gone = [says(enrolled(day(1))), says(progress(day(2), 5.0), phone)]
    for number, order in enumerate([*permutations(kept), *permutations(gone)]):
        learner = str(100 + number)
        for each in order:
            desk.write(by(each, person=learner))
        ada = desk.people.find(("adobe", "1234", learner))
        assert ada is not None
        words = (ada.name, ada.email, ada.fields)
        if len(order) == 3:
            assert words == ("Ada King", ADA.email, ADA.fields)
        else:
            assert words == ("Ada", None, {"phone": "1"})


def test_a_title_is_found_however_the_course_is_spelled(desk: Desk) -> None:
    desk.write(by(says(enrolled(day(1)), title="Logic"), course=" Learning_Program:7"))
    world = desk.writer.world(NOW)
    spelled = ("learningProgram:7", "learning_program:7", " Learning_Program:7")
    for title in ("Logic", "Logic II"):
        found = [world.course("adobe", "1234", each) for each in spelled]
        assert [each and each.title for each in found] == [title] * 3
        desk.write(by(says(enrolled(day(2)), title="Logic II"), course="learning_program:7"))


def test_an_import_may_say_that_there_is_no_address() -> None:
    ada = Person("1" * 32, *KEY, email="")
    assert filled(ada, ADA).email == ""


def rows(desk: Desk) -> list[tuple[object, ...]]:
    reader = desk.ledger.reader()
    return [
        *reader.execute("SELECT * FROM contacts"),
        *reader.execute("SELECT * FROM course_names"),
    ]


def test_only_a_new_address_counts_as_one(desk: Desk) -> None:
    heard = []
    for number, contact in enumerate([Contact("Ada"), ADA, Contact("A.", ADA.email), MARRIED]):
        desk.write(says(progress(day(1 + number), float(number)), contact))
        heard.append(desk.people.addresses_heard)

    assert heard == [0, 1, 1, 2]


def test_nothing_of_it_is_in_the_log(desk: Desk) -> None:
    desk.write(says(enrolled(day(1)), title="Logic for All"), says(seen(day(2)), MARRIED))

    log = b"".join(state for *_, state in desk.ledger.log(0, 99))
    for text in (b"Ada", b"Lovelace", b"King", b"example.org", b"+44", b"phone", b"Logic for All"):
        assert text not in log
