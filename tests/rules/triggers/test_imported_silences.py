"""Silences that an import tells of: the clock does not remind of what came in already due."""

import pytest
from msgspec.structs import replace

from service.learners.facts import Completed, Enrolled, ProgressReported, SeatsReported, Unenrolled
from service.ledger.events import EventMapper
from service.rules.scheduler import CLOCK_SHAPES, CLOCK_STREAM, TimeAsked
from service.rules.triggers.seat_change import RuleFired
from service.rules.triggers.stalled import SilenceMark, stalled_rules, started
from tests import community
from tests.community import finished, hand
from tests.installation import DAY, DONE, FREE, HOUR, MINUTE, START, STILL, Installation
from tests.rules.world import NOW, asked, decider, enrolled, fact, told

WEEK = 7 * DAY
LATENESS = 15 * MINUTE
CURRENT = STILL.replace("notify", "on_activate: current\n    notify")
ADA = "13273"


def reminded(*facts, live_since: int = NOW - 30 * DAY) -> bool:
    """Whether Ada is reminded now; each fact has its age, the age of its recording, imported."""
    rules = decider(STILL)
    ada = enrolled()
    for content, age, recorded, imported in facts:
        said = fact(content, NOW - age, f"{content.TOPIC}{age}")
        ada, _ = told(ada, said, NOW - recorded, imported)
    decisions = asked(rules, ada, NOW, live_since)
    return bool(decisions and decisions.once)


def test_a_silence_that_was_due_when_it_was_imported_leads_to_nothing():
    assert not reminded((Enrolled(), 20 * DAY, DAY, True))
    assert not reminded((Enrolled(), 8 * DAY, DAY, True))
    assert not reminded(
        (Enrolled(), 20 * DAY, 15 * DAY, False), (ProgressReported(5), 9 * DAY, 0, True)
    )


def test_a_silence_that_becomes_due_after_its_import_is_reminded_of():
    assert reminded((Enrolled(), 8 * DAY - 1, DAY, True))


def test_a_silence_that_was_imported_before_the_rule_went_live_is_for_on_activate():
    assert reminded((Enrolled(), 20 * DAY, 5 * DAY, True), live_since=NOW - 4 * DAY)
    assert not reminded((Enrolled(), 20 * DAY, 5 * DAY, True), live_since=NOW - 5 * DAY)


def test_of_an_imported_and_a_live_fact_of_one_moment_the_live_one_counts():
    both = [(Enrolled(), 20 * DAY, DAY, True), (ProgressReported(0), 20 * DAY, 20 * DAY, False)]

    assert reminded(*both)
    assert reminded(*both[::-1])


def test_an_import_between_a_completion_and_activity_reminds_of_none_that_was_due():
    live = [
        (Completed(), 30 * DAY, 30 * DAY, False),
        (ProgressReported(5), 30 * DAY - HOUR, 30 * DAY - HOUR, False),
    ]
    for said in (Enrolled(), Unenrolled()):
        between = 30 * DAY - HOUR // 2
        assert not reminded(*live, (said, between, DAY, True), live_since=NOW - 90 * DAY)
        assert reminded(*live, (said, between, DAY, False), live_since=NOW - 90 * DAY)
        assert reminded(*live, (said, between, 24 * DAY, True), live_since=NOW - 90 * DAY)
    again = (ProgressReported(6), 8 * DAY, 8 * DAY, False)
    assert reminded(*live, (Unenrolled(), between, 9 * DAY, True), again)


def test_activity_after_the_import_begins_a_silence_of_its_own():
    assert reminded(
        (Enrolled(), 40 * DAY, 20 * DAY, True), (ProgressReported(5), 8 * DAY, 8 * DAY, False)
    )


def test_a_mark_says_since_when_and_old_ones_read_as_for_ever():
    (stalled,) = stalled_rules(decider(STILL).active)
    stored = b'{"at":1,"position":2,"marks":{"still":{"mark":3,"floor":4}}}'
    mapper = EventMapper([CLOCK_SHAPES])

    assert started(stalled, NOW) == SilenceMark(NOW - WEEK, NOW - WEEK, NOW)
    old = mapper.decode(TimeAsked.TOPIC, stored)
    assert old.marks == {"still": SilenceMark(3, 4, 0)}
    assert mapper.encode(old) == (TimeAsked.TOPIC, stored)


@pytest.fixture
def office(tmp_path):
    with Installation(tmp_path, STILL) as office:
        yield office


def bring_in(office: Installation, since: int, at: int, imported: bool = True) -> None:
    """Ada's enrolment `since` a moment, told at another."""
    hand(office, community.said(Enrolled(), since, ADA), at=at, imported=imported)


def test_a_rule_that_was_live_before_the_import_is_not_woken_by_it(office):
    """Neither where the mark has yet to come (told first) nor behind it (told second)."""
    for weeks, since in ((3, DAY), (5, 2 * DAY)):
        far = START + weeks * WEEK
        bring_in(office, START + since, far)
        office.tick(far)
        office.tick(far + DAY)

        assert office.states() == []


def test_the_same_told_live_is_reminded_of(office):
    bring_in(office, START + DAY, START + 3 * WEEK, imported=False)
    office.tick(START + 3 * WEEK)

    assert office.states() == ["sent"]


def test_an_imported_silence_that_becomes_due_later_is_reminded_of_as_any_other(office):
    bring_in(office, START - DAY, START)
    office.tick(START + 6 * DAY)
    assert office.states() == []

    office.tick(START + 6 * DAY + LATENESS)
    office.tick(START + 9 * DAY)

    assert office.states() == ["sent"]


def test_current_rules_reach_what_was_imported_before_them_and_not_what_comes_after(tmp_path):
    with Installation(tmp_path, DONE) as office:
        bring_in(office, START - 30 * DAY, START)
        office.tick(START)
        office.write_rules(DONE + CURRENT)
        office.app.reload(START + MINUTE)
        office.tick(START + MINUTE)
        assert office.states() == ["sent"]

        hand(
            office,
            community.said(Enrolled(), START - 29 * DAY, "2"),
            at=START + HOUR,
            imported=True,
        )
        office.tick(START + HOUR)
        office.tick(START + DAY)

        assert office.states() == ["sent"]


def test_a_rule_that_goes_live_after_the_import_leaves_it_alone_unless_it_says_current(tmp_path):
    with Installation(tmp_path, DONE) as office:
        bring_in(office, START - 30 * DAY, START)
        office.write_rules(DONE + STILL)
        office.app.reload(START + MINUTE)
        office.tick(START + DAY)

        assert office.states() == []


def test_a_crash_between_the_import_and_the_ask_changes_nothing(office):
    office.tick(START + 20 * DAY)
    far = START + 20 * DAY
    hand(office, community.said(Enrolled(), START + DAY, ADA), at=far, imported=True)
    hand(office, community.said(Enrolled(), START + DAY, "2"), at=far)

    office.reopen(far + MINUTE)
    office.tick(far + MINUTE)

    assert [row["state"] for row in office.notifications()] == ["sent"]
    latest = office.app.writer.lookup.latest(CLOCK_STREAM)
    assert latest is not None
    assert latest[1].marks["still"].since == START


def test_imported_facts_trigger_no_rule_and_arm_none(tmp_path):
    rearm = FREE.replace("to: {gt: 0}}", "to: {gt: 0}, rearm: {lte: 0}}")
    with Installation(tmp_path, DONE + rearm) as office:
        reports = [SeatsReported(taken, 0, 10) for taken in (10, 9)]
        seats = [
            replace(community.said(report, START + n, ""), instance="2475_1", person=None)
            for n, report in enumerate(reports)
        ]
        hand(office, finished(START), *seats, at=START, imported=True)
        office.tick()

        assert office.states() == []
        assert not any(row[3] == RuleFired.TOPIC for row in office.app.ledger.log(0, 99))
        assert hand(office, finished(START), at=START) == ["duplicate"]
        hand(office, finished(START + 1, "2"), at=START + 1)
        office.tick(START + 1)
        assert office.states() == ["sent"]
