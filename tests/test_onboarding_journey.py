"""A new employee with eight courses, by the shipped rules, over real SMTP: three mails, not 24."""

from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import ADA, DAY, DONE, MINUTE, ROOT, START, Installation, enrolled
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.both_engines

BOSS = PersonRow("1", name="Marie Curie", email="boss@example.org")
COURSES = [f"course:{n}" for n in range(11, 19)]


def test_eight_courses_are_three_mails_and_each_names_them_all(tmp_path: Path) -> None:
    with SmtpSink() as sink, Installation(tmp_path, DONE, email=sink.url) as here:
        here.rules.write_text((ROOT / "rules.yaml").read_text())
        here.app.reload(START)
        here.import_people([ADA, BOSS])
        here.tick(START)
        for n, course in enumerate(COURSES):
            at = START + 3 * n * MINUTE
            here.post(enrolled(at, 77, course=course, session=f"{course}_1"))
            here.tick(at)
        for day in range(1, 23):
            for minutes in range(-10, 120, 10):
                here.tick(START + day * DAY + minutes * MINUTE)

        mails = sink.wait_for(3)
        assert len(mails) == 3
        assert [mail.recipients for mail in mails] == [
            ("ada@example.org",), ("ada@example.org",), ("boss@example.org",)
        ]  # fmt: skip
        for mail in mails:
            plain, html = (mail.parsed.get_body((kind,)) for kind in ("plain", "html"))
            assert plain is not None
            assert html is not None
            assert [c for c in COURSES if c not in plain.get_content()] == []
            assert [c for c in COURSES if c not in html.get_content()] == []
        reminded = [row["state"] for row in here.notifications() if row["rule"] == "stalled"]
        assert sorted(reminded) == ["dropped"] * 21 + ["sent"] * 3
