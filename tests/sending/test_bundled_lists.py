"""Lists of one hour, and what waits for their reader then, are one message."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from service.rules.readers.choices import Choices, OwnList
from tests.installation import ADA, DAY, HOUR, MINUTE, START, Installation, completed, enrolled
from tests.smtp_sink import SmtpSink

HEAD = "defaults: {bundle: 30m, timezone: UTC}"
LIST = 'digest: {every: day, at: "12:00"}'
RULES = f"""
  - id: done
    trigger: {{event: enrollment.completed}}
    notify:
      - {{to: learner, via: email, template: completed, {LIST}}}
  - id: welcome
    trigger: {{event: enrollment.enrolled}}
    notify:
      - {{to: learner, via: email, template: enrolled, {LIST}}}
  - id: at-once
    trigger: {{event: enrollment.enrolled}}
    notify:
      - {{to: learner, via: email, template: enrolled}}
"""
NOON = START - START % DAY + 12 * HOUR
NOON += DAY * (NOON <= START)


def in_courses(*numbers: int) -> list[dict[str, str]]:
    return [{"course": f"course:{n}", "session": f"course:{n}_1"} for n in numbers]


def told(here: Installation) -> list[tuple[str, str, str, str | None]]:
    here.app.views.catch_up()
    return sorted((n["rule"], n["trigger"], n["state"], n["reason"]) for n in here.notifications())


@pytest.mark.parametrize(
    ("rules", "mails"),
    [(RULES, 1), (RULES.replace("  - id: done\n", "  - id: done\n    bundle: none\n"), 2)],
    ids=["bundled", "alone"],
)
def test_two_lists_of_one_hour_and_what_waits_are_one_message(
    tmp_path: Path, rules: str, mails: int
) -> None:
    """What was decided ten minutes before does not wait for its half hour to be over."""
    with SmtpSink() as sink, Installation(tmp_path, rules, head=HEAD, email=sink.url) as here:
        here.import_people([replace(ADA, timezone=None)])
        at = NOON - 10 * MINUTE
        here.post(*(completed(at, 77, **each) for each in in_courses(1, 2)), at=at)
        here.post(*(enrolled(at, 77, **each) for each in in_courses(3, 4)), at=at)
        here.tick(at)
        assert not sink.mails
        here.tick(NOON)
        assert len(sink.mails) == mails
        whole = "".join(mail.parsed.get_body(("plain",)).get_content() for mail in sink.mails)
        assert [f"course:{n}" in whole for n in (1, 2, 3, 4)] == [True] * 4
        here.tick(NOON + DAY)
        assert len(sink.mails) == mails
        states = [state for _, _, state, _ in told(here)]
        assert states.count("sent") == mails and set(states) == {"sent", "dropped"}
        items = [n["id"] for n in here.notifications() if n["reason"] == "digest"]
        assert len(here.app.notification_streams.sent_at(items)) == mails


def test_a_list_is_a_part_of_its_readers_own_list(tmp_path: Path) -> None:
    with SmtpSink() as sink, Installation(tmp_path, RULES, head=HEAD, email=sink.url) as here:
        here.import_people([replace(ADA, timezone=None)])
        daily = Choices(own_list=OwnList("day", 18 * 60))
        here.app.choice_requests.change(ADA.email or "", lambda _: daily, START, by="reader")
        at = NOON - HOUR
        here.post(*(enrolled(at, 77, **each) for each in in_courses(3, 4)), at=at)
        for hours in range(9):
            here.tick(at + hours * HOUR)
        assert len(sink.mails) == 1
        ends = {(state, reason) for rule, _, state, reason in told(here) if rule == "welcome"}
        assert ends == {("dropped", "digest"), ("sent", None)}


def test_a_list_whose_message_cannot_leave_with_others_is_told_by_itself(tmp_path: Path) -> None:
    """Refused for good, the first one gives back what it was to stand for, the list whole."""
    with SmtpSink() as sink, Installation(tmp_path, RULES, head=HEAD, email=sink.url) as here:
        sink.on("RCPT", "554 5.7.1 no", times=1)
        here.import_people([replace(ADA, timezone=None)])
        at = NOON - 10 * MINUTE
        here.post(completed(at, 77, **in_courses(1)[0]), at=at)
        here.post(*(enrolled(at, 77, **each) for each in in_courses(3, 4)), at=at)
        here.tick(at)
        here.tick(NOON)
        here.tick(NOON + MINUTE)
        states = told(here)
        assert ("done", "digest", "given_up", "permanent 554") in states
        assert ("welcome", "digest", "sent", None) in states
        assert "course:4" in sink.mails[-1].parsed.as_string()
