"""Running as an operator does: how the service ends, and what it says when it cannot begin."""

import os
import shutil
import socket
import subprocess
import time

import pytest

from tests.installation import DONE, START, completed
from tests.real_service import RealService
from tests.smtp_sink import HANG, SmtpSink
from tests.waiting import until

PEOPLE = "id,name,email\n77,Ada Lovelace,ada@example.org\n"
LAST_SECONDS = 10


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def service(tmp_path, sink):
    with RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url) as service:
        service.import_people(PEOPLE)
        yield service


def cannot_run(service: RealService, *words: str) -> str:
    """The one line with which `run` refuses."""
    ended = service.command("run", "--port", "0", *words)
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("coursebell: ")
    return line


def states(service: RealService) -> list[str]:
    listed = service.command("notifications", "list", "--json").stdout
    return [line.split('"')[3] for line in listed.splitlines() if '"state"' in line]


def test_sigterm_lets_the_mail_in_hand_arrive_and_repeats_none(service, sink):
    slow = sink.hold()
    about = ({"course": f"course:{n}", "session": f"course:{n}_1"} for n in range(5))
    service.post(*(completed(START, 77, **each) for each in about))
    until(slow.entered.is_set, "a mail is in hand")
    service.process.terminate()
    until(lambda: closed(service.address), "the door is shut")
    slow.go_on.set()

    assert service.process.wait(LAST_SECONDS) == 0
    arrived = len(sink.mails)
    assert arrived >= 1
    assert sorted(states(service)) == ["owed"] * (5 - arrived) + ["sent"] * arrived
    service.kill()
    service.start()
    sink.wait_for(5)
    assert len({mail.parsed["Message-ID"] for mail in sink.mails}) == len(sink.mails) == 5


def test_sigterm_finishes_the_request_in_hand(service):
    host, port = service.address.removeprefix("http://").split(":")
    letter = b'{"accountId": 1, "events": []}'
    head = f"POST /webhooks/adobe HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(letter)}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + letter[:10])
        until(lambda: service.get("/healthz"), "the head has been read")
        service.process.terminate()
        until(lambda: closed(service.address), "the door is shut")
        wire.sendall(letter[10:])
        answer = wire.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert service.process.wait(LAST_SECONDS) == 0


def test_a_mail_server_that_hangs_does_not_keep_the_service_from_ending(service, sink):
    sink.on("dot", HANG)
    service.post(completed(START, 77))
    until(lambda: "DATA" in sink.verbs(), "the mail is on its way")
    begun = time.monotonic()

    assert service.stop() == 0

    assert time.monotonic() - begun < LAST_SECONDS
    service.kill()
    service.start()
    (found,) = service.notifications(lambda items: items[0]["attempts"] > 0, "it was taken over")
    assert found["reason"] == "unknown"


def test_sigterm_at_once_after_the_greeting_is_heard(tmp_path):
    with RealService(tmp_path, DONE) as service:
        for _ in range(5):
            assert service.stop() == 0
            service.start()


def test_a_second_service_on_the_same_ledger_is_refused(service):
    line = cannot_run(service)

    assert f"process {service.process.pid} runs on it" in line
    assert service.get("/healthz")["alive"]


def test_a_port_in_use_is_refused_and_nothing_is_left_running(service, tmp_path):
    port = service.address.rpartition(":")[2]
    other = tmp_path / "other"

    line = cannot_run(service, "--port", port, "--data", str(other))

    assert f"127.0.0.1:{port}: cannot listen there" in line
    with RealService(tmp_path, DONE, COURSEBELL_DATA=str(other)) as free:
        assert free.get("/healthz")["alive"]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    """The folder of a service that ran once and was stopped."""
    folder = tmp_path_factory.mktemp("lived-in")
    with RealService(folder, DONE) as service:
        service.post(*(completed(START + n, n) for n in range(300)))
        service.letter(1)
        assert service.stop() == 0
    return folder


@pytest.fixture
def stopped(tmp_path, lived_in):
    """A service that ran once and was stopped, for each test to damage."""
    shutil.copytree(lived_in / "data", tmp_path / "data")
    service = RealService(tmp_path, DONE)
    yield service
    service.kill()


@pytest.mark.of_files
def test_a_ledger_that_is_none_is_refused_and_left_alone(stopped):
    ledger = stopped.data / "ledger.db"
    ledger.write_bytes(b"these are the minutes of the board" * 300)

    assert f"{ledger}: the ledger cannot be opened" in cannot_run(stopped)
    assert ledger.read_bytes().startswith(b"these are the minutes")


@pytest.mark.of_files
def test_half_a_ledger_is_refused(stopped):
    ledger = stopped.data / "ledger.db"
    ledger.write_bytes(ledger.read_bytes()[: ledger.stat().st_size // 2])

    assert str(ledger) in cannot_run(stopped)


@pytest.mark.of_files
def test_damaged_views_are_made_anew_and_nothing_is_sent_again(stopped):
    drawer = sorted(path.name for path in (stopped.data / "drawer").glob("*"))
    (stopped.data / "views.db").write_bytes(b"no views" * 999)

    stopped.start()
    stopped.notifications(lambda items: len(items) == 300, "the views are back")

    assert sorted(path.name for path in (stopped.data / "drawer").glob("*")) == drawer


def test_a_data_folder_that_is_none_is_refused(stopped, tmp_path):
    (tmp_path / "file").write_text("not a folder")

    line = cannot_run(stopped, "--data", str(tmp_path / "file/data"))

    assert "COURSEBELL_DATA: expected a folder, not a file or something in one" in line


@pytest.fixture
def read_only(stopped):
    """The data folder of a service that ran once, on a disk that takes nothing any more."""
    data = str(stopped.data)
    mounts = (["--bind", data, data], ["-o", "remount,bind,ro", data])
    if os.geteuid() != 0 or any(subprocess.run(["mount", *each]).returncode for each in mounts):
        pytest.skip("a read-only disk needs root, to mount one")
    yield stopped
    subprocess.run(["umount", data], check=True)


def test_a_read_only_disk_is_refused(read_only):
    assert "expected a data folder that can be written" in cannot_run(read_only)


def test_a_bad_setting_is_refused(stopped):
    stopped.environ["COURSEBELL_ADOBE_LATENESS"] = "soon"
    assert "COURSEBELL_ADOBE_LATENESS" in cannot_run(stopped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  - id: broken\n    triger: {event: enrollment.completed}\n", "rules.yaml:"),
        (DONE.replace("completed}", "finished}"), "rules.yaml:"),
        (DONE.replace("template: completed", "template: nowhere"), "nowhere"),
    ],
)
def test_a_bad_rule_file_is_refused(stopped, text, said):
    stopped.write_rules(text)
    assert said in cannot_run(stopped)


def test_no_rule_file_is_refused(stopped):
    stopped.rules.unlink()
    assert str(stopped.rules) in cannot_run(stopped)


def closed(address: str) -> bool:
    host, port = address.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return True
    return False
