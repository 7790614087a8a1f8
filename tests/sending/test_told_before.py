"""A manager reads when the learner was reminded: what left, and nothing that did not."""

import pytest

from tests.installation import ADA, DAY, START, Installation, enrolled
from tests.smtp_sink import SmtpSink

RULES = """
  - id: still
    description: Nothing has happened for a week
    trigger: {stalled_for: 7d, count_from: enrolled}
    notify:
      - {to: learner, via: email, template: stalled}
    escalation:
      - {after: 7d, to: learner, via: email, template: stalled_again}
      - {after: 14d, to: manager, via: email, template: stalled_manager}
"""


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


def story(office: Installation) -> None:
    office.import_people([ADA])
    office.post(enrolled(START, 77))
    for day in range(23):
        office.tick(START + day * DAY + 1)


def test_a_manager_reads_when_the_learner_was_reminded(tmp_path, sink):
    with Installation(tmp_path, RULES, email=sink.url) as office:
        story(office)
        first, second, manager = (mail.parsed for mail in sink.wait_for(3))

    assert str(first["Subject"]) == str(second["Subject"]) == "Still open: course:7"
    assert second["References"] == first["References"]
    days = [str(mail["Date"]).split(",")[1].split(" 09")[0] for mail in (first, second)]
    told = "Reminded on: 24 November 2026 · 1 December 2026"
    assert [day.strip() for day in days] == ["24 Nov 2026", "01 Dec 2026"]
    text, page = manager.iter_parts()
    assert told in text.get_content()
    assert "24 November 2026 · 1 December 2026</td>" in page.get_content()
    assert "Reminded" not in second.get_body(("plain",)).get_content()


def test_what_did_not_leave_is_not_told(tmp_path, sink):
    sink.on("RCPT", "550 5.7.1 nobody here", local="ada", times=1)
    with Installation(tmp_path, RULES, email=sink.url) as office:
        story(office)
        assert sorted(office.states()) == ["given_up", "sent", "sent"]
    manager = sink.wait_for(2)[-1].parsed
    assert "Reminded on: 1 December 2026\r\n" in manager.get_body(("plain",)).get_content()
