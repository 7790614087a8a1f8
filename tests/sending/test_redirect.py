"""COURSEBELL_REDIRECT_ALL_TO: nothing reaches a reader, whatever the channels say."""

import json
import re

import pytest

from service.sending.channels import open_channel
from tests.chat_room import Room
from tests.installation import DONE, ROOT, START, completed
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink

ME = "me@staging.example"
COPIES = "&cc=archive@example.org&bcc=audit@example.org&reply_to=help@example.org"
PUBLIC = "https://bell.example.org"
ROOM = DONE + "      - {post: room, template: seat_free}\n"
PEOPLE = "id,name,email\n77,Ada Lovelace,ada@example.org\n78,Miles,o'brien@example.org\n"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def room():
    with Room() as room:
        yield room


@pytest.fixture
def staging(tmp_path, sink, room):
    service = RealService(
        tmp_path, ROOM, COURSEBELL_EMAIL_URL=sink.url + COPIES, COURSEBELL_CHAT_URL=room.url,
        COURSEBELL_PUBLIC_URL=PUBLIC, COURSEBELL_REDIRECT_ALL_TO=ME,
    )  # fmt: skip
    with service:
        service.import_people(PEOPLE)
        yield service


def test_every_mail_goes_to_one_address_and_says_whom_it_was_for(staging, sink, room):
    staging.post(completed(START, 77), completed(START, 78))
    sink.wait_for(2)
    staging.notifications(lambda items: len(items) == 4 and all(
        each["state"] == "sent" for each in items), "all four have left")  # fmt: skip

    said = [line for _, line in sink.commands if line.startswith("RCPT")]
    assert said == [f"RCPT TO:<{ME}>"] * 2, "no copy is even tried"
    for mail in sink.mails:
        read = mail.parsed
        assert (mail.recipients, str(read["To"])) == ((ME,), ME)
        for header in ("Cc", "Bcc", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"):
            assert read[header] is None
        (reader,) = re.findall(r"^\[for (\S+)\] ", str(read["Subject"]))
        text, html = (read.get_body((kind,)).get_content() for kind in ("plain", "html"))
        first = f"This mail was for {reader}; COURSEBELL_REDIRECT_ALL_TO is set."
        assert text.splitlines()[:2] == [first, ""]
        inside = re.sub(r"<[^>]+>", "", html.split("<body", 1)[1].partition(">")[2])
        assert inside.strip().replace("&#x27;", "'").startswith(first)
    read = [str(mail.parsed["Subject"]) for mail in sink.mails]
    assert sorted(each.split("] ")[0] for each in read) == [
        "[for ada@example.org", "[for o'brien@example.org",
    ]  # fmt: skip
    assert room.posts == [] and len(list((staging.data / "drawer").glob("*.txt"))) == 2


def test_run_check_and_status_say_so_first(staging):
    checked = staging.command("check")
    assert checked.stdout.startswith("redirected: every mail goes to the address of COURSEBELL_R")
    assert ", all to COURSEBELL_REDIRECT_ALL_TO" in checked.stdout
    assert "drawer instead of chat" in checked.stdout
    assert json.loads(staging.command("check", "--json").stdout)["redirected"] is True
    stands = staging.command("status").stdout.splitlines()
    assert stands[1].startswith("redirected") and ME not in "".join(stands)
    assert json.loads(staging.command("status", "--json").stdout)["redirected"] is True
    assert ME not in staging.logged()
    staging.kill()
    staging.start()
    assert staging.process.stdout is not None
    assert next(iter(staging.process.stdout)).split()[0] == "redirected"


def test_a_test_by_hand_goes_there_too(staging, sink):
    done = staging.command("channels", "test", "email", "--to", "someone@example.org")
    assert done.returncode == 0, done.stderr
    assert [mail.recipients for mail in sink.mails] == [(ME,)]
    assert "[for someone@example.org]" in str(sink.mails[0].parsed["Subject"])


@pytest.mark.parametrize(
    "wrong", ["nobody", "ops@", "a@b.example, c@d.example", "Me <me@x.example>"]
)
def test_a_wrong_address_is_refused_at_the_start(tmp_path, wrong):
    service = RealService(tmp_path, DONE, COURSEBELL_REDIRECT_ALL_TO=wrong)
    done = service.command("run", "--port", "0")
    expected = "COURSEBELL_REDIRECT_ALL_TO: expected one mail address like me@example.org"
    assert done.returncode != 0 and expected in done.stderr and wrong not in done.stderr


def test_for_whom_it_is_must_be_an_address_all_the_same(tmp_path, sink, outgoing):
    channel = open_channel("email", sink.url, drawer=tmp_path, redirect_to=ME)
    refused = channel.send(outgoing(address="a@b.example,c@d.example"))
    assert (refused.kind, refused.status) == ("permanent", "5.1.3")
    assert channel.send(outgoing(address='"a b"@d.example')).kind == "accepted"
    channel.close()
    assert [mail.recipients for mail in sink.mails] == [(ME,)]


def test_channels_are_opened_in_one_place():
    """So that no way out can forget the setting."""
    calls = re.compile(r"\b(open_channel|SmtpChannel|ChatChannel)\(")
    callers = {
        str(path.relative_to(ROOT / "service"))
        for path in (ROOT / "service").rglob("*.py")
        for line in path.read_text().splitlines()
        if calls.search(line) and not line.startswith(("def ", "class "))
    }
    assert callers == {"app/ways_out.py", "sending/channels/__init__.py"}
