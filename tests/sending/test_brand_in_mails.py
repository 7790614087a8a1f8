"""Who writes, in the mails that leave: name, reply address, logo, foot, and what is noticed."""

import os
from email.message import EmailMessage
from pathlib import Path

import pytest

from service.app.active_rules import FileWatch, Refused
from service.incoming.letters import Arrival
from tests.installation import ADA, DONE, GRACE, HOUR, START, Installation, completed
from tests.smtp_sink import SmtpSink

PNG = b"\x89PNG\r\n\x1a\n" + b"\1" * 400
GIF = b"GIF89a" + b"\2" * 40
BRAND = """brand:
  name: Example Academy
  reply_to: help@example.org
  logo: logo.png
  color: "#8a1c4c"
  footer: Main Street 1
  help: https://help.example.org
  link: https://example.org
"""
TEAM = DONE.replace("to: learner", "to: manager").replace(
    "template: completed}", "template: team_completion}"
)


def mail(office: Installation, sink: SmtpSink, user: int = 77) -> EmailMessage:
    """The mail about one completion."""
    before = len(sink.mails)
    office.post(completed(START + before * HOUR, user))
    office.tick(START + before * HOUR)
    return sink.wait_for(before + 1)[before].parsed


@pytest.fixture
def sink():
    with SmtpSink(sender="learning@academy.example") as sink:
        yield sink


def test_a_brand_is_in_every_mail(tmp_path, sink):
    (tmp_path / "logo.png").write_bytes(PNG)
    with Installation(tmp_path, DONE, email=sink.url, head=BRAND) as office:
        office.import_people([ADA])
        read = mail(office, sink)

    assert str(read["From"]) == "Example Academy <learning@academy.example>"
    assert str(read["Reply-To"]) == "help@example.org"
    assert read.get_content_type() == "multipart/alternative"
    text, related = read.iter_parts()
    assert related.get_content_type() == "multipart/related"
    page, logo = related.iter_parts()
    assert logo.get_content_type() == "image/png" and logo.get_content() == PNG
    assert logo["Content-Disposition"].startswith("inline")
    assert f'src="cid:{logo["Content-ID"].strip("<>")}" alt="Example Academy"' in page.get_content()
    for words in (text.get_content(), page.get_content()):
        assert "You can reply to this message." in words
        assert "Questions?" in words and "https://help.example.org" in words
        assert "Example Academy" in words and "Main Street 1" in words
        assert "Coursebell" not in words
    assert "#8a1c4c" in page.get_content()


def test_without_a_brand_a_mail_is_whole_and_names_nobody(tmp_path, sink):
    with Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people([ADA])
        read = mail(office, sink)
    assert str(read["From"]) == "learning@academy.example" and read["Reply-To"] is None
    text, page = read.iter_parts()
    assert page.get_content_type() == "text/html" and "<img" not in page.get_content()
    assert text.get_content().rstrip().endswith("Replies to this message are not read.")
    assert "oursebell" not in text.get_content() + page.get_content()


def test_what_the_url_of_a_channel_says_goes_before_the_brand(tmp_path):
    with SmtpSink(sender="Trainers <t@academy.example>") as sink:
        url = f"{sink.url}&reply_to=answers@academy.example"
        brand = "brand: {name: Example Academy}\n"
        with Installation(tmp_path, DONE, email=url, head=brand) as office:
            office.import_people([ADA])
            read = mail(office, sink)
    assert str(read["From"]) == "Trainers <t@academy.example>"
    assert str(read["Reply-To"]) == "answers@academy.example"
    assert "You can reply" in read.get_body(("plain",)).get_content()


def test_a_changed_logo_is_noticed_like_a_template(tmp_path, sink):
    logo: Path = tmp_path / "logo.png"
    logo.write_bytes(PNG)
    with Installation(tmp_path, DONE, email=sink.url, head=BRAND) as office:
        office.import_people([ADA, GRACE])
        first = mail(office, sink)
        logo.write_bytes(GIF)
        watch = FileWatch(office.app.settings)
        watch.look(0.0)
        assert watch.changed
        office.app.reload(START + HOUR)
        watch.read(())
        watch.look(1.0)
        assert not watch.changed
        then = mail(office, sink, 78)
        logo.unlink()
        watch.look(2.0)
        assert watch.changed
    assert [part.get_content_type() for part in first.walk()][-1] == "image/png"
    assert [part.get_content_type() for part in then.walk()][-1] == "image/gif"


SCORED = b"""{"EventType": "COURSE_COMPLETION", "MessageBody": {"UserId": 77, "FirstName": "Ada",
"LastName": "Lovelace", "Contact": "ada@example.org", "ContactType": "Email", "CourseId": 7,
"CourseName": "Safe driving", "CompletionDate": "2026-11-16T09:00:00", "ExamPercentage": "80"}}"""


@pytest.mark.parametrize("asked", [False, True])
def test_a_manager_gets_no_score_unless_the_rule_asks(tmp_path, sink, asked):
    rules = TEAM.replace("team_completion}", "team_completion, show: [score]}") if asked else TEAM
    with Installation(tmp_path, rules, email=sink.url) as office:
        office.import_people([ADA])
        office.app.letters.keep([Arrival("community-training", START, {}, SCORED)])
        office.tick(START)
    text, page = sink.wait_for(1)[0].parsed.iter_parts()
    for words in (text.get_content(), page.get_content()):
        assert ("80%" in words) is asked
        assert "you are the manager of the person" in words


def test_a_logo_that_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "logo.png")
    with pytest.raises(Refused, match="beside the rule file: expected a file"):
        Installation(tmp_path, DONE, head=BRAND)
