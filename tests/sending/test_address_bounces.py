"""What a mail server says of an address, and what becomes of the messages to it."""

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from service.cli import main
from service.rules.readers.choices import ChoicesMade
from service.running import wall_clock
from service.sending.operator import redrive
from tests.installation import ADA, DAY, DONE, GRACE, MINUTE, START, Installation, completed
from tests.smtp_sink import SmtpSink

SAFETY = DONE + "    required: true\n"
ADDRESS = "ada@example.org"
GONE = "550 5.1.1 nobody here"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def office(tmp_path, sink):
    with Installation(tmp_path, SAFETY, email=sink.url) as office:
        office.import_people([ADA, GRACE])
        yield office


def tell(office, day=0, user=77):
    """Something is owed to somebody, and it is time."""
    at = START + day * DAY
    office.post(completed(at, user))
    office.tick(at)


def standing(office):
    return [(each["state"], each["reason"]) for each in office.notifications()]


def unreachable(office, address=ADDRESS):
    return office.app.choice_requests.at(address).choices.unreachable


@pytest.mark.parametrize("reply", [GONE, "551 5.1.6 moved", "553 5.1.3 what is this",
                                   "550 5.1.10 null MX", "550 5.1.0 rejected"])  # fmt: skip
def test_an_address_that_is_none_is_not_tried_again(office, sink, reply):
    sink.on("RCPT", reply, local="ada")
    tell(office)
    said = len(sink.commands)
    tell(office, day=2)

    codes = " ".join(reply.split()[:2])
    assert standing(office) == [("given_up", "permanent " + reply[:3]), ("suppressed", "bounced")]
    assert len(sink.commands) == said, "nothing was even said"
    found = unreachable(office)
    assert (found.reason, found.code) == ("bounced", codes)
    assert 0 <= found.at - START < MINUTE


@pytest.mark.parametrize("reply", [
    "550 5.7.1 policy", "550 no status at all", "552 5.2.2 full", "550 5.1.8 sender's domain",
    "550 5.1.7 sender", "554 5.1.1 odd code", "451 4.1.1 later", "550 5.1.11 unheard of",
])  # fmt: skip
def test_another_refusal_suppresses_nobody(office, sink, reply):
    sink.on("RCPT", reply, local="ada")
    tell(office)
    assert unreachable(office) is None


@pytest.mark.parametrize("verb", ["MAIL", "DATA", "dot"])
def test_a_refusal_elsewhere_says_nothing_of_the_address(office, sink, verb):
    sink.on(verb, GONE)
    tell(office)
    assert unreachable(office) is None


def test_what_is_in_hand_for_the_same_address_is_not_sent(office, sink):
    sink.on("RCPT", GONE, local="ada", times=1)
    office.post(completed(START, 77), completed(START, 77, course="course:8", session="8_1"))
    office.tick()
    assert sorted(office.states()) == ["given_up", "suppressed"] and not sink.mails


def test_the_outcome_is_on_disk_before_the_address_is(office, sink):
    sink.on("RCPT", GONE, local="ada")
    before = office.app.ledger.end()
    tell(office)
    topics = [each.body.topic for each in office.app.store.follow(before)]
    assert topics[-2:] == ["notification.attempt_ended", ChoicesMade.TOPIC]


def test_an_operator_lifts_it_and_what_was_missed_can_be_redriven(office, sink):
    sink.on("RCPT", GONE, local="ada", times=1)
    tell(office)
    tell(office, day=2)

    def people(*words):
        done = CliRunner().invoke(
            main, ["people", *words, "--data", office.environ["COURSEBELL_DATA"]]
        )
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    said = "not written to: the address bounced (550 5.1.1)"
    assert said in people("show", "77")
    assert said in people("resume", "77", "--rule", "done"), "a rule alone lifts nothing"
    assert "nothing is stopped" in people("resume", "77")
    ids = [each["id"] for each in office.notifications()]
    assert redrive(office.app.notification_streams, ids[:1], START + 2 * DAY) == (ids[:1], [])
    words = ["notifications", "redrive", "--state", "suppressed"]
    done = CliRunner().invoke(main, [*words, "--data", office.environ["COURSEBELL_DATA"]])
    assert done.exit_code == 0 and "1" in done.output, done.output
    office.app.views.catch_up()
    assert office.states() == ["owed", "owed"]
    office.tick(START + 2 * DAY)
    office.tick(wall_clock())
    assert office.states() == ["sent", "sent"]
    assert [mail.recipients for mail in sink.mails] == [(ADDRESS,)] * 2


def test_another_address_of_theirs_is_written_to(office, sink):
    sink.on("RCPT", GONE, local="ada")
    tell(office)
    office.import_people([replace(ADA, email="new@example.org")])
    tell(office, day=2)
    assert office.states() == ["given_up", "sent"]


def test_a_relay_that_refuses_everybody_does_not_suppress_everybody(tmp_path, sink):
    sink.on("RCPT", GONE)
    with Installation(tmp_path, DONE, email=sink.url) as office:
        users = range(100, 140)
        office.import_people(
            replace(ADA, lms_id=str(user), email=f"u{user}@example.org") for user in users
        )
        office.post(*(completed(START, user) for user in users))
        office.tick()
        assert set(office.states()) == {"given_up"}
        found = [unreachable(office, f"u{user}@example.org") for user in users]
        assert sum(each is not None for each in found) < 10


def test_nothing_is_said_of_a_reader_by_the_address_of_staging(tmp_path, sink):
    sink.on("RCPT", GONE)
    to = {"COURSEBELL_REDIRECT_ALL_TO": "gone@staging.example"}
    with Installation(tmp_path, DONE, email=sink.url, **to) as office:
        office.import_people([ADA])
        tell(office)
        assert office.states() == ["given_up"]
        assert unreachable(office) is unreachable(office, "gone@staging.example") is None


def test_an_address_that_refuses_several_for_now_is_left_alone(office, sink):
    sink.on("RCPT", "451 4.3.0 later", local="ada")
    for course in range(4):
        office.post(completed(START, 77, course=f"course:{course}", session=f"{course}_1"))
    office.post(completed(START, 78))

    def tries(at):
        before = len([1 for _, line in sink.commands if line == f"RCPT TO:<{ADDRESS}>"])
        office.tick(START + at * MINUTE)
        return len([1 for _, line in sink.commands if line == f"RCPT TO:<{ADDRESS}>"]) - before

    assert tries(0) == 2, "the other two are not tried"
    assert len(sink.mails) == 1, "who is well is told"
    assert [tries(at) for at in (1, 2, 4)] == [0, 0, 0]
    assert tries(6) == 1
    assert [tries(at) for at in (7, 15, 30)] == [0, 0, 0]
    sink.on("RCPT", "250 2.1.5 well", local="ada")
    assert tries(32) == 4
    assert office.states() == ["sent"] * 5
