"""What readers chose, on the real service: what leaves, when, to whom, and what the log says."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from service.network.wire import steady_clock
from service.rules.readers.choices import Choices, OwnHours, OwnList
from tests.installation import ADA, DAY, DONE, START, Installation, completed
from tests.smtp_sink import SmtpSink

PUBLIC = "https://bell.example.org"
SAFETY = DONE + "    required: true\n"
ADDRESS = ADA.email or ""
DAY_BEFORE = (datetime.fromtimestamp(START / 1000, UTC).weekday() - 1) % 7


def choose(here: Installation, choices: Choices, at: int = START) -> None:
    here.app.choice_requests.change(ADDRESS, lambda _: choices, at, by="reader")


def standing(here: Installation) -> list[tuple[str, str | None]]:
    here.app.views.catch_up()
    return [(each["state"], each["reason"]) for each in here.notifications()]


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


def start(tmp_path, sink, rules=DONE):
    office = Installation(tmp_path, rules, email=sink.url, COURSEBELL_PUBLIC_URL=PUBLIC)
    office.import_people([ADA])
    return office


def test_who_stopped_a_kind_is_not_told_and_the_log_says_so(tmp_path, sink):
    with start(tmp_path, sink) as here:
        choose(here, Choices(stopped=("done",)))
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("suppressed", "stopped")]
        choose(here, Choices())
        here.post(completed(START + 2 * DAY, 77))
        here.tick(START + 2 * DAY)
        assert sorted(standing(here)) == [("sent", None), ("suppressed", "stopped")]


def test_what_is_required_is_told_all_the_same(tmp_path, sink):
    with start(tmp_path, sink, SAFETY) as here:
        choose(here, Choices(stopped=("done",), stopped_all=True))
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("sent", None)]
        assert sink.mails[0].parsed["List-Unsubscribe"] is None


def test_who_stopped_everything_is_told_nothing(tmp_path, sink):
    with start(tmp_path, sink) as here:
        choose(here, Choices(stopped_all=True))
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("suppressed", "stopped_all")] and not sink.mails


def test_who_is_away_is_told_when_they_are_back_and_it_has_not_aged(tmp_path, sink):
    with start(tmp_path, sink) as here:
        choose(here, Choices(back_on="2099-01-01"))
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("scheduled", "away")]
        here.tick(here.notifications()[0]["due_at"])
        assert standing(here) == [("sent", None)]


@pytest.mark.parametrize(
    "before",
    [
        Choices(back_on="2027-01-05"),
        Choices(own_hours=OwnHours((DAY_BEFORE,))),
        Choices(own_list=OwnList("week", 480, DAY_BEFORE)),
    ],
    ids=["away", "hours", "list"],
)
def test_what_waited_for_a_choice_has_not_aged_when_the_choice_is_taken_back(
    tmp_path, sink, before
):
    """Tried again it has not either."""
    sink.on("dot", "451 4.3.0 later", times=1)
    with start(tmp_path, sink) as here:
        choose(here, before)
        here.post(completed(START, 77))
        here.tick(START)
        due_at = here.notifications()[0]["due_at"]
        assert due_at > START + 4 * DAY
        choose(here, Choices(), START + DAY)
        here.tick(due_at)
        here.tick(due_at + DAY)
        assert standing(here) == [("sent", None)]


def test_a_choice_between_claim_and_sending_counts(tmp_path, sink):
    with start(tmp_path, sink) as here:
        here.post(completed(START, 77))
        here.app.take(START)
        here.app.views.catch_up()
        delivery = here.app.deliveries["email"]
        ready, _ = delivery._claimed(START)
        choose(here, Choices(stopped=("done",)))
        delivery._send(ready, START, begun=steady_clock(), stopping=lambda: False)
        assert standing(here) == [("suppressed", "stopped")] and not sink.mails


def test_language_and_zone_are_the_readers_own(tmp_path, sink):
    with start(tmp_path, sink) as here:
        choose(here, Choices(locale="de", timezone="Asia/Tokyo"))
        here.post(completed(START, 77))
        here.tick(START)
        assert "abgeschlossen" in sink.mails[0].parsed.as_string().lower()


def test_own_hours_and_an_own_list_put_it_off(tmp_path, sink):
    with start(tmp_path, sink) as here:
        choose(here, Choices(own_hours=OwnHours(tuple(range(7)), 0, 1)))
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("scheduled", "send_window own_hours")]
        choose(here, Choices(own_list=OwnList("week", 480, 0)))
        here.tick(here.notifications()[0]["due_at"])
        assert standing(here) in ([("scheduled", "own_list")], [("sent", None)])


def test_every_mail_says_how_to_stop_it_at_once(tmp_path, sink):
    with start(tmp_path, sink) as here:
        here.post(completed(START, 77))
        here.tick(START)
        mail = sink.mails[0].parsed
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        url = mail["List-Unsubscribe"].strip("<>")
        assert url.startswith(f"{PUBLIC}/choices/") and url.endswith("?stop=done")
        token = here.app.links.choices.read(url.rpartition("/")[2].partition("?")[0])
        assert here.app.people.get(token.person).email == ADDRESS


def test_without_a_public_address_no_mail_has_a_link(tmp_path, sink):
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick(START)
        assert sink.mails[0].parsed["List-Unsubscribe"] is None


def test_a_choice_of_one_address_is_that_of_all_records_that_have_it(tmp_path, sink):
    with start(tmp_path, sink) as here:
        here.import_people([replace(ADA, lms_id="78", email=ADDRESS.upper())])
        choose(here, Choices(stopped_all=True))
        here.post(completed(START, 78))
        here.tick(START)
        assert standing(here) == [("suppressed", "stopped_all")]


def test_who_has_two_records_and_one_address_reads_one_list(tmp_path, sink):
    with start(tmp_path, sink) as here:
        here.import_people([replace(ADA, lms_id="78", email=ADDRESS.upper())])
        choose(here, Choices(own_list=OwnList("day", 480)))
        here.post(completed(START, 77), completed(START + 1, 78))
        here.tick(START + 1)
        here.tick(START + DAY)
        assert sorted(standing(here)) == [("dropped", "bundle"), ("sent", None)]
        assert len(sink.mails) == 1
