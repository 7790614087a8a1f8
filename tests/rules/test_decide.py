"""What an event leads to, by the rules, as things stand at that event."""

from service.learners.course import LearningObject
from service.learners.directory.courses import Course
from service.learners.directory.people import Person
from service.learners.facts import (
    Completed,
    CourseDrafted,
    Enrolled,
    Identity,
    ProgressReported,
    SeatsReported,
)
from service.rules.decider import Decider
from service.rules.notification import SHADOW, Notification
from tests.rules.world import (
    ADA,
    DAY,
    LOGIC,
    NOW,
    World,
    asked,
    decider,
    enrolled,
    fact,
    session,
    told,
)

COMPLETED = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: done}
"""


def seats(taken: int, waiting: int = 0, limit: int | None = 10) -> SeatsReported:
    return SeatsReported(taken, waiting, limit)


def after_reports(rules: Decider, *reports: SeatsReported, world: World | None = None) -> list[str]:
    """The rules that fire, report by report, remembered as the writer would."""
    world = world or World()
    instance, fired = session(), []
    for number, report in enumerate(reports):
        instance, appended = told(instance, fact(report, NOW + number, person=None))
        decisions = rules(appended, world, NOW)
        for _, owed in decisions.once if decisions else ():
            fired.append(f"{owed.rule}@{number}")
        for stream, version, body in decisions.following if decisions else ():
            world.memory[stream] = (version, body)
    return fired


def test_a_completion_is_owed_to_the_learner():
    rules = decider(COMPLETED)
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    decisions = rules(appended, World(), NOW)

    ((id, owed),) = decisions.once
    assert id.startswith("n")
    assert (owed.rule, owed.recipient, owed.channel, owed.person) == (
        "done", "learner", "email", ADA,
    )  # fmt: skip
    assert owed.occurrence == f"{appended.stream}/1"


def test_an_event_no_rule_asks_for_leads_to_nothing():
    _, appended = told(enrolled(), fact(Enrolled(), NOW))

    assert decider(COMPLETED)(appended, World(), NOW) is None


def test_a_completion_that_is_already_known_is_not_told_again():
    first, _ = told(enrolled(), fact(Completed(True), NOW))
    _, again = told(first, fact(Completed(True), NOW + 1))

    assert decider(COMPLETED)(again, World(), NOW) is None


def test_editing_the_text_of_a_rule_keeps_the_ids_of_what_it_owes():
    _, appended = told(enrolled(), fact(Completed(True), NOW))
    edited = COMPLETED.replace("trigger", "description: in other words\n    trigger")

    before = decider(COMPLETED)(appended, World(), NOW)
    after = decider(edited)(appended, World(), NOW + DAY)

    assert [id for id, _ in before.once] == [id for id, _ in after.once]


def test_entries_of_one_rule_have_ids_of_their_own_in_any_order():
    two = COMPLETED + "      - {to: manager, via: email, template: done}\n"
    turned = COMPLETED.replace("learner", "manager") + (
        "      - {to: learner, via: email, template: done}\n"
    )
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    one = {owed.recipient: id for id, owed in decider(two)(appended, World(), NOW).once}
    other = {owed.recipient: id for id, owed in decider(turned)(appended, World(), NOW).once}

    assert one == other
    assert len(set(one.values())) == 2


def test_conditions_are_read_as_of_the_event_and_kept_without_personal_values():
    rules = decider(
        COMPLETED.replace(
            "notify", "conditions:\n      - course.tags: {contains: mandatory}\n"
            "      - learner.groups: {contains: sales}\n    notify",
        )
    )  # fmt: skip
    world = World()
    world.courses[LOGIC] = Course(LOGIC, tags=("mandatory",))
    world.people[ADA] = Person(ADA, "adobe", "1", "77", groups=("sales",))
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    decisions = rules(appended, world, NOW)

    ((id, owed),) = decisions.once
    assert owed.read == {"course.tags": ("mandatory",)}
    assert decisions.erasable == [(id, "learner.groups", "('sales',)")]
    world.courses.clear()
    assert rules(appended, world, NOW) is None


def test_of_two_rules_each_keeps_only_what_its_own_conditions_read():
    sales = COMPLETED.replace(
        "notify", "conditions: [learner.groups: {contains: sales}]\n    notify"
    )
    kind = COMPLETED.replace("done\n", "any\n", 1).replace(
        "notify", "conditions: [course.kind: course]\n    notify"
    )
    world = World()
    world.people[ADA] = Person(ADA, "adobe", "1", "77", groups=("sales",))
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    decisions = decider(sales + kind)(appended, world, NOW)

    (first, by_group), (_, by_kind) = decisions.once
    assert (by_group.read, by_kind.read) == ({}, {"course.kind": "course"})
    assert decisions.erasable == [(first, "learner.groups", "('sales',)")]


def test_every_member_of_a_group_is_owed_one_of_their_own():
    rules = decider(COMPLETED.replace("to: learner", "to: 'group:leads'"))
    world = World()
    world.groups["leads"] = ["b" * 32, "c" * 32]
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    decisions = rules(appended, world, NOW)

    assert [owed.recipient for _, owed in decisions.once] == ["b" * 32, "c" * 32]
    assert len({id for id, _ in decisions.once}) == 2


def test_a_shadow_rule_decides_and_sends_nothing():
    rules = decider(COMPLETED.replace("trigger", "mode: shadow\n    trigger"))
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    ((id, owed),) = rules(appended, World(), NOW).once

    assert Notification.load(id, [owed]).state == SHADOW


def test_a_disabled_rule_is_silent():
    rules = decider(COMPLETED.replace("trigger", "mode: disabled\n    trigger"))
    _, appended = told(enrolled(), fact(Completed(True), NOW))

    assert rules(appended, World(), NOW) is None


def test_a_course_event_is_a_trigger():
    rules = decider("""
  - id: drafts
    trigger: {event: course.drafted}
    notify:
      - {post: room, template: drafted}
""")
    course = LearningObject(
        LearningObject.stream("adobe", "1", LOGIC),
        Identity("adobe", "1", course=LOGIC, kind="course"),
    )
    _, appended = told(course, fact(CourseDrafted(), NOW, instance=None, person=None))

    ((_, owed),) = rules(appended, World(), NOW).once

    assert (owed.recipient, owed.course, owed.person) == ("room:room", LOGIC, None)


SEAT_FREE = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    conditions:
      - instance.waitlist_count: 0
    notify:
      - {post: room, template: free}
"""
ALMOST_FULL = """
  - id: full
    trigger: {change: instance.seats_available, to: {lte: 2}, rearm: {gte: 5}}
    notify:
      - {post: room, template: full}
"""


def test_the_first_report_is_a_baseline_and_no_change():
    assert after_reports(decider(ALMOST_FULL), seats(9)) == []


def test_a_seat_becomes_free_at_the_edge_only():
    fired = after_reports(decider(SEAT_FREE), seats(10), seats(9), seats(8), seats(10), seats(9))

    assert fired == ["free@1", "free@4"]


def test_a_freed_seat_with_a_wait_list_is_nobodys_news():
    assert after_reports(decider(SEAT_FREE), seats(10, 3), seats(9, 3)) == []


def test_a_rule_with_rearm_fires_again_only_after_the_value_was_there():
    reports = [seats(5), seats(8), seats(7), seats(8), seats(5), seats(8)]

    assert after_reports(decider(ALMOST_FULL), *reports) == ["full@1", "full@5"]


def test_unlimited_seats_compare_as_larger_than_any_number():
    reports = [seats(10), seats(10, limit=None), seats(10)]

    assert after_reports(decider(SEAT_FREE), *reports) == ["free@1"]


def test_an_older_report_is_no_edge():
    instance, _ = told(session(), fact(seats(10), NOW, person=None))
    _, appended = told(instance, fact(seats(9), NOW - 1, person=None))

    assert decider(SEAT_FREE)(appended, World(), NOW) is None


STALLED = """
  - id: still
    trigger: {stalled_for: 7d}
    notify:
      - {to: learner, via: email, template: still}
"""


def test_a_silence_is_owed_once_whatever_came_before_it():
    """The id comes from the fact that began the silence, so older news do not repeat it."""
    rules = decider(STALLED)
    enrollment, _ = told(enrolled(), fact(ProgressReported(20), NOW - 8 * DAY))
    earlier, _ = told(enrollment, fact(Enrolled(), NOW - 20 * DAY))

    one = asked(rules, enrollment, NOW)
    other = asked(rules, earlier, NOW + DAY)

    assert [id for id, _ in one.once] == [id for id, _ in other.once]


def test_a_silence_that_is_too_short_or_over_is_not_owed():
    rules = decider(STALLED)
    short, _ = told(enrolled(), fact(ProgressReported(20), NOW - 6 * DAY))
    over, _ = told(short, fact(Completed(True), NOW - DAY))

    assert asked(rules, short, NOW) is None
    assert asked(rules, over, NOW + 30 * DAY) is None
