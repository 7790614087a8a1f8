"""Whom and what the API is asked about, in which batches, and what is kept of its answers."""

from contextlib import suppress

import pytest

from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.learners.directory.courses import CourseRow
from service.learners.directory.managers import Managers
from service.learners.directory.people import PersonRow
from tests.adobe_api import instance, learning_object, user
from tests.installation import DAY, START


def imported(asking, *rows):
    with asking.ledger.transaction() as cursor:
        asking.people.store(cursor, [r for r in rows if isinstance(r, PersonRow)], asking.now)
        asking.courses.store(cursor, [r for r in rows if isinstance(r, CourseRow)], asking.now)


def ids_asked(api, path="users"):
    return [sorted(query["ids"].split(",")) for query in api.queries(path)]


def test_people_are_asked_for_ten_at_a_time_with_their_managers(asking, api):
    api.know(*(user(n, f"P{n} Q", manager=900) for n in range(100, 125)), user(900, "Boss Byron"))
    asking.meet(*range(100, 125))

    asking.steps()

    assert [len(ids) for ids in ids_asked(api)] == [10, 10, 5]
    assert all(q["include"] == "manager" and q["page[limit]"] == "10" for q in api.queries("users"))
    for n in (100, 124):
        person = asking.person(n)
        assert (person.name, person.email) == (f"P{n} Q", f"p{n}@example.org")
        assert Managers(asking.people).of(person).email == "boss@example.org"
    assert api.statuses[400] == 0


def test_everything_a_user_says_of_themselves_is_kept(asking, api):
    fields = {"AF_Region": "EMEA", "Sites": ["Oslo", None, "Rome"], "Empty": None}
    api.know(
        user(
            7, "Ada Lovelace", uiLocale="de_DE", contentLocale="en-US", state="ACTIVE",
            timeZoneCode="Europe/Oslo", roles=["Learner", "Author"], profile="Pilot",
            userType="Internal", userUniqueId="U7", fields=fields, unheardOf={"a": [1]},
        )
    )  # fmt: skip
    asking.meet(7)

    asking.steps()

    person = asking.person(7)
    assert (person.locale, person.timezone) == ("de-DE", "Europe/Oslo")
    assert person.fields == {
        "AF_Region": "EMEA", "Sites": "Oslo, Rome", "state": "ACTIVE", "profile": "Pilot",
        "roles": "Learner, Author", "userType": "Internal",
    }  # fmt: skip


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        {"name": None, "email": "not an address", "uiLocale": 7, "timeZoneCode": 35, "fields": 1},
        {"name": 12, "email": ["a@x.org"], "fields": {"A": {"b": 1}}, "roles": None},
    ],
)
def test_what_a_user_says_oddly_costs_that_alone(asking, api, attributes):
    api.know({"id": 7, "type": "user", "attributes": attributes, "relationships": None})
    api.users["7"] = api.users.pop(7)
    asking.meet(7)

    asking.steps()

    person = asking.person(7)
    assert (person.email, person.locale, person.timezone, person.fields) == (None, None, None, {})
    assert person.name == ("12" if attributes and attributes["name"] == 12 else None)


def test_who_is_waited_for_is_asked_for_first(asking, api):
    persons = asking.meet(*range(100, 130))
    asking.waited_for = [persons[29], persons[17]]

    asking.step()

    assert {"129", "117"} <= set(ids_asked(api)[0])


def test_who_was_imported_is_not_asked_for_from_any_account(asking, api):
    asking.meet(1, 2, 3, 4)
    imported(
        asking,
        PersonRow("1", source="adobe", account="1234", name="A"),
        PersonRow("2", source="adobe", name="B"),
        PersonRow("3", name="C"),
    )

    asking.steps()

    assert ids_asked(api) == [["4"]]


def test_a_manager_who_was_imported_stays_as_imported(asking, api):
    api.know(user(1, "Ada Lovelace", manager=900), user(900, "Boss Byron"))
    imported(asking, PersonRow("900", source="adobe", account="1234", email="chief@example.org"))
    asking.meet(1)

    asking.steps()

    assert Managers(asking.people).of(asking.person(1)).email == "chief@example.org"


@pytest.mark.parametrize("account", ["1234", ""])
def test_what_was_imported_stays_however_often_the_api_speaks_of_it(asking, api, account):
    api.know(*(user(n, f"P{n} Q", manager=900) for n in (1, 2)), user(900, "Boss Byron"))
    api.know(learning_object("course:7", "From the API"))
    place = {"source": "adobe", "account": account}
    boss = PersonRow("900", **place, email="chief@example.org", left_as="deleted")
    imported(asking, boss, CourseRow("course:7", **place, title="Imported"))
    asking.courses_named = ["course:7"]
    for n in (1, 2):
        asking.now += 8 * DAY
        asking.meet(n)
        asking.steps()
        found = asking.person(900)
        assert (found.email, found.left_as) == ("chief@example.org", "deleted")
        assert asking.course("course:7").title == "Imported"
    assert len(api.queries("learningObjects")) == 2
    assert asking.refresh.answers.counts("learning object") == (1, 0)


def test_a_manager_who_did_not_come_along_is_asked_for(asking, api):
    api.know(user(1, "Ada Lovelace", manager=900))
    asking.meet(1)
    asking.step()
    api.know(user(900, "Boss Byron"))

    asking.steps()

    assert ids_asked(api) == [["1"], ["900"]]
    assert Managers(asking.people).of(asking.person(1)).email == "boss@example.org"


def test_whom_the_api_does_not_know_is_asked_for_again_when_a_week_has_passed(asking, api):
    asking.meet(1, 2)
    api.know(user(2, "Grace Hopper"))
    asking.steps()
    asking.steps()
    assert ids_asked(api) == [["1", "2"]]

    api.know(user(1, "Ada Lovelace"), user(2, "Grace Murray"))
    asking.now += 7 * DAY
    asking.steps()

    assert ids_asked(api)[1:] == [["1", "2"]]
    assert asking.person(1).name == "Ada Lovelace"
    assert asking.person(2).name == "Grace Murray"


def test_whom_an_import_told_of_after_the_api_is_left_to_imports(asking, api):
    asking.meet(2)
    api.know(user(2, "Grace Hopper"))
    asking.steps()
    asking.now += DAY
    imported(asking, PersonRow("2", source="adobe", account="1234", name="Grace B. Hopper"))

    asking.now += 8 * DAY
    asking.steps()

    assert ids_asked(api) == [["2"]]
    assert asking.person(2).name == "Grace B. Hopper"


def test_an_id_that_the_api_refuses_does_not_cost_the_others(asking, api):
    api.know(*(user(n, f"P{n} Q") for n in range(100, 109)))
    asking.meet(*range(100, 109), 666, "f:odd id")

    asking.steps()

    assert all(asking.person(n).name for n in range(100, 109))
    assert not asking.person(666).name
    before = len(api.asked)
    asking.steps()
    assert len(api.asked) == before


def test_where_every_id_is_refused_it_is_told_as_a_trouble(asking, api):
    asking.meet(1, 2, 3)
    api.spoil = lambda path: (400, {}, {"title": "Bad Request"}) if "users" in path else None

    with pytest.raises(ApiTrouble, match="still take `ids`"):
        asking.step()
    assert asking.client.rest_seconds() > 1

    api.spoil = lambda path: None
    api.know(user(1, "Ada Lovelace"))
    asking.steps()
    assert asking.person(1).name == "Ada Lovelace"


def test_an_id_on_which_the_api_fails_does_not_hold_up_the_others(asking, api):
    api.know(*(user(n, f"P{n} Q") for n in range(100, 140)))
    asking.meet(*range(100, 140))
    api.fails_on = "103"

    for _ in range(60):
        with suppress(ApiTrouble):
            asking.step()

    assert [n for n in range(100, 140) if not asking.person(n).name] == [103]
    api.fails_on = None
    asking.step()
    assert asking.person(103).name == "P103 Q"


def test_a_field_that_has_no_value_any_more_is_gone(asking, api):
    asking.meet(1)
    api.know(user(1, "Ada Lovelace", fields={"AF_Region": "EMEA", "AF_Site": "Oslo"}))
    asking.steps()
    api.know(user(1, "Ada Lovelace", fields={"AF_Region": None}))
    asking.now += 8 * DAY
    asking.steps()
    assert asking.person(1).fields == {"AF_Site": "Oslo"}


def test_a_manager_whom_somebody_has_no_more_is_gone(asking, api):
    asking.meet(1)
    api.know(user(1, "Ada Lovelace", manager=900), user(900, "Boss Byron"))
    asking.steps()
    assert asking.person(1).manager == "900"
    api.know({**user(1, "Ada Lovelace"), "relationships": {"manager": {"data": None}}})
    asking.now += 8 * DAY
    asking.steps()
    assert asking.person(1).manager is None


def test_pages_are_followed_and_what_is_left_out_is_unknown(asking, api):
    api.page_at_most = 3
    api.know(*(user(n, f"P{n} Q") for n in range(100, 109)))
    asking.meet(*range(100, 110))

    asking.steps()

    assert all(asking.person(n).name for n in range(100, 109))
    assert not asking.person(109).name
    assert len(api.queries("users")) == 3


@pytest.mark.parametrize("following", ["http://other.example/primeapi/v2/users", "//x.example/a"])
def test_a_page_elsewhere_is_not_followed(asking, api, following):
    asking.meet(1)
    page = {"data": [], "links": {"next": following}}
    api.spoil = lambda path: (200, {}, page) if "users" in path else None

    with pytest.raises(ApiTrouble, match="another host"):
        asking.step()


def test_courses_come_with_title_tags_and_the_dates_of_their_instances(asking, api):
    dates = {
        "completionDeadline": "2026-12-24T12:00:00.000Z",
        "enrollmentDeadline": 1_796_000_000_000,
        "unenrollmentDeadline": None,
        "state": "Active",
        "localizedMetadata": [{"locale": "en-US", "name": "Autumn"}],
    }
    api.know(
        learning_object("course:7", "Safe driving", instance("course:7_1", **dates), tags=["a"])
    )
    asking.courses_named = ["course:7", "learningProgram:8", "odd"]

    asking.steps()

    course = asking.course("course:7")
    assert (course.title, course.tags, course.kind) == ("Safe driving", ("a",), "course")
    (found,) = asking.instances.of_course("course:7")
    assert (found.id, found.name, found.state) == ("course:7_1", "Autumn", "Active")
    assert found.completion_deadline == 1_798_113_600_000
    assert found.enrollment_deadline == 1_796_000_000_000
    assert found.unenrollment_deadline is None
    assert asking.instances.get("adobe", "1234", "course:7_1") == found


def test_an_imported_title_stays_and_the_instances_come_all_the_same(asking, api):
    imported(asking, CourseRow("course:7", source="adobe", title="Driving, the safe way"))
    api.know(learning_object("course:7", "Safe driving", instance("course:7_1")))
    asking.courses_named = ["course:7"]

    asking.steps()

    assert asking.course("course:7").title == "Driving, the safe way"
    assert [each.id for each in asking.instances.of_course("course:7")] == ["course:7_1"]


def test_courses_without_a_title_are_asked_for_first(asking, api):
    titled = [CourseRow(f"course:{n}", source="adobe", title="T") for n in range(100, 120)]
    imported(asking, *titled)
    asking.courses_named = [*(f"course:{n}" for n in range(100, 120)), "course:999"]

    asking.step()

    assert "course:999" in ids_asked(api, "learningObjects")[0]


def test_an_instance_that_is_no_more_is_forgotten_when_its_course_is_asked_again(asking, api):
    asking.courses_named = ["course:7"]
    api.know(learning_object("course:7", "One", instance("course:7_1"), instance("course:7_2")))
    asking.steps()
    api.know(learning_object("course:7", "Two", instance("course:7_2")))
    asking.now = START + 8 * DAY
    asking.steps()

    assert asking.course("course:7").title == "Two"
    assert [each.id for each in asking.instances.of_course("course:7")] == ["course:7_2"]


def test_a_name_in_another_language_is_better_than_none(asking, api):
    api.know(learning_object("course:7", "x"))
    names = [{"locale": "nb-NO", "name": None}, {"locale": "fr-FR", "name": "Conduire"}, 7]
    api.learning_objects["course:7"]["attributes"]["localizedMetadata"] = names
    asking.courses_named = ["course:7"]

    asking.steps()

    assert asking.course("course:7").title == "Conduire"


def test_others_are_told_when_answers_are_kept(asking, api):
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1)
    asking.steps()
    assert asking.told == 1


def test_a_number_is_a_zone_by_the_list_of_the_account(asking, api):
    api.know(user(1, "Ada Lovelace", timeZoneCode="190", state="DELETED", userUniqueId="E1001"))
    asking.meet(1)
    asking.steps()
    ada = asking.person(1)
    assert (ada.timezone, ada.left_as, ada.unique_id) == ("Asia/Kolkata", "deleted", "E1001")
    assert len(api.queries("account")) == 1
