"""New rules while the service runs: by an edited file, and when somebody asks with SIGHUP."""

import os
import signal

import pytest

from tests.installation import DONE, FREE, START, completed, seats
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

PEOPLE = "id,name,email\n77,Ada Lovelace,ada@example.org\n"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def service(tmp_path, sink):
    with RealService(tmp_path, DONE + FREE, COURSEBELL_EMAIL_URL=sink.url) as service:
        service.import_people(PEOPLE)
        yield service


def test_a_bad_file_is_refused_with_its_line_and_the_old_rules_stay(service, sink):
    service.write_rules(DONE.replace("notify:", "notfy:"))
    refused = until(lambda: service.check("rules"), "the refusal shows")
    assert refused["state"] == "warning"
    assert "rules.yaml:9:5" in refused["detail"]
    found = service.numbers()
    assert found["coursebell_rules_last_reload_successful"] == 0
    assert found["coursebell_rules_active"] == 2

    service.post(completed(START, 77))
    sink.wait_for(1)
    service.write_rules(DONE)

    mended = "coursebell_rules_last_reload_successful"
    until(lambda: service.numbers()[mended] == 1, "the mended file is taken")
    assert service.numbers()["coursebell_rules_active"] == 1


def test_sighup_reads_a_file_whose_time_and_size_did_not_change(service):
    before = service.rules.stat()
    text = service.rules.read_text()
    service.rules.write_text(text.replace("id: free", "id: open"))
    os.utime(service.rules, ns=(before.st_atime_ns, before.st_mtime_ns))
    service.process.send_signal(signal.SIGHUP)

    until(lambda: "the rules are active as they are now" in service.logged(), "they are read")


def test_a_channel_that_goes_takes_what_it_owes_with_it_and_the_service_stays_well(tmp_path, sink):
    with RealService(
        tmp_path, DONE + FREE, COURSEBELL_EMAIL_URL=sink.url, COURSEBELL_REMOVAL_DELAY="1s"
    ) as service:
        service.import_people(PEOPLE)
        the_channel_goes(service, sink)


def the_channel_goes(service, sink):
    sink.down()
    service.post(completed(START, 77))
    service.notifications(lambda items: items and items[0]["attempts"] == 1, "it was tried")
    rules = service.rules.read_text().replace("  email: ${COURSEBELL_EMAIL_URL}\n", "")
    service.rules.write_text(rules.replace(DONE, ""))

    (gone,) = service.notifications(lambda items: items[0]["state"] != "owed", "it has ended")

    assert (gone["state"], gone["reason"]) == ("cancelled", "rule_removed")
    assert service.get("/healthz")["alive"]
    service.post(seats(START, 10), seats(START + 1, 9))
    service.notifications(lambda items: "sent" in [n["state"] for n in items], "the room hears")


def test_another_address_for_a_channel_is_used_from_the_next_message_on(tmp_path, sink):
    with (
        SmtpSink() as other,
        RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url, OTHER_URL=other.url) as service,
    ):
        service.import_people(PEOPLE)
        service.post(completed(START, 77))
        sink.wait_for(1)
        rules = service.rules.read_text().replace("${COURSEBELL_EMAIL_URL}", "${OTHER_URL}")
        service.rules.write_text(rules)
        until(lambda: "the rules are active as they are now" in service.logged(), "it is active")

        service.post(completed(START + 1, 77, course="course:8", session="course:8_1"))

        other.wait_for(1)
        assert len(sink.mails) == 1
        assert service.get("/healthz")["alive"]


def test_half_a_file_costs_nobody_a_message(tmp_path, sink):
    """Written slowly: its first rule alone is a good file, and stands for seconds."""
    waiting = DONE + "    collapse: 4s\n"
    with RealService(tmp_path, FREE + waiting, COURSEBELL_EMAIL_URL=sink.url) as service:
        rows = "".join(f"{n},Learner {n},learner-{n}@example.org\n" for n in range(60))
        service.import_people("id,name,email\n" + rows)
        whole = service.rules.read_text()
        service.post(*[completed(START + n, n) for n in range(60)])
        service.notifications(lambda items: len(items) == 60, "all are owed")

        service.rules.write_text(whole.replace(waiting, ""))
        service.notifications(
            lambda items: {n["reason"] for n in items} == {"rule_gone"}, "they are held"
        )
        assert sink.mails == []
        service.rules.write_text(whole)

        sink.wait_for(60)
        assert len({mail.recipients[0] for mail in sink.mails}) == 60
