"""An import that says what the API has said before: from then on it is the import that says it."""

from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from tests.adobe_api import learning_object, user
from tests.incoming.adobe_api.test_refresh import imported
from tests.installation import DAY


def test_an_import_that_says_what_the_api_said_counts_from_then_on(asking, api):
    api.know(user(1, "Ada Lovelace"), learning_object("course:7", "Course"))
    asking.meet(1)
    asking.courses_named = ["course:7"]
    asking.steps()
    same = asking.person(1)
    asking.now += DAY
    imported(
        asking,
        PersonRow("1", source="adobe", account="1234", name=same.name, email=same.email),
        CourseRow("course:7", source="adobe", account="1234", title="Course"),
    )
    api.know(user(1, "Ada L", email="other@example.org"), learning_object("course:7", "Other"))
    asking.now += 8 * DAY
    asking.steps()

    assert (asking.person(1).name, asking.person(1).email) == (same.name, same.email)
    assert asking.course("course:7").title == "Course"


def test_a_list_of_groups_that_says_the_same_again_takes_nobody_from_the_api(asking, api):
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1)
    asking.steps()
    row = PersonRow("1", source="adobe", account="1234", groups=("desk",))
    for _ in range(2):
        with asking.ledger.transaction() as cursor:
            asking.people.store(cursor, [row], asking.now, from_list="desk")
    asking.now += DAY
    with asking.ledger.transaction() as cursor:
        asking.people.store(cursor, [row], asking.now, from_list="desk")
    api.know(user(1, "Ada L", email="other@example.org"))
    asking.now += 8 * DAY
    asking.steps()

    assert asking.person(1).email == "other@example.org"
