"""`coursebell channels`: what there is, and one message by the channel as the service sends it."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from tests.chat_room import HERE, Room
from tests.installation import DONE, ROOT
from tests.real_service import RealService
from tests.smtp_sink import DROP, HANG, SmtpSink

PASSWORD = "hunter2@:/"
RULES = """\
version: 1
channels:
  email: ${COURSEBELL_EMAIL_URL:-drawer://}
  room: ${COURSEBELL_CHAT_URL:-drawer://}
rules: []
"""
Try = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that nothing has ever run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEBELL_TEMPLATES", str(ROOT / "templates"))
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Try:
    """Types `coursebell channels …`."""

    def typed(*words: str, email: str | None = None, chat: str | None = None) -> Result:
        told = {"COURSEBELL_EMAIL_URL": email, "COURSEBELL_CHAT_URL": chat}
        env = {
            "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
            "COURSEBELL_CHAT_PRIVATE_NETWORKS": HERE,
            **told,
        }
        return CliRunner(env=env).invoke(main, ["channels", *words])

    return typed


@pytest.fixture
def mail(run: Try) -> Callable[[SmtpSink], Result]:
    return lambda sink: run("test", "email", "--to", "ops@example.org", email=sink.url)


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as room:
        yield room


def test_the_list_says_where_each_leads_and_no_secret(run: Try, room: Room) -> None:
    with SmtpSink(users={"ada": PASSWORD}) as sink:
        listed = run("list", email=sink.url, chat=room.url)
        told = run("list", "--json", email=sink.url, chat=room.url)

    assert f"mail, 127.0.0.1:{sink.port}" in listed.stdout
    assert json.loads(told.stdout)["items"][1] == {
        "name": "room",
        "leads_to": "chat, JSON at 127.0.0.1",
    }
    assert "hunter2" not in listed.stdout and "s3cret" not in listed.stdout


def test_a_test_mail_arrives_and_each_step_is_shown_without_the_password(
    mail: Callable[[SmtpSink], Result], folder: Path
) -> None:
    with SmtpSink(tls="starttls", users={"ada": PASSWORD}) as sink:
        done = mail(sink)
        (arrived,) = sink.wait_for(1)

    assert done.exit_code == 0, done.output
    assert arrived.recipients == ("ops@example.org",)
    assert arrived.parsed["Subject"] == "Test of Coursebell"
    steps = ("connected to 127.0.0.1", "< 220 ", "secured by TLSv1.", "> (user or password)",
             "< 235 ", "> MAIL FROM:", "> RCPT TO:<ops@example.org>", "> DATA", "< 250 2.0.0 taken",
             "accepted after ")  # fmt: skip
    places = [done.stdout.index(step) for step in steps]
    assert places == sorted(places)
    assert "hunter2" not in done.output and "aHVudGVyM" not in done.output
    assert not (folder / "data").exists(), "nothing is recorded"


@pytest.mark.parametrize(
    ("verb", "reply", "said"),
    [
        ("RCPT", "550 5.1.1 nobody here", ("permanent", "550 5.1.1", "nobody here", "try another")),
        ("RCPT", "451 4.7.1 greylisted", ("transient", "451 4.7.1", "greylisted", "try again")),
        ("MAIL", "553 5.7.1 not yours", ("transient", "553", "not yours", "set from=")),
        ("AUTH", "535 5.7.8 wrong", ("transient", "535 5.7.8", "look at user and password")),
        ("greeting", "554 5.7.1 go away", ("transient", "554 5.7.1", "go away", "refuses what")),
        ("dot", "552 5.2.2 full", ("permanent", "552 5.2.2", "full")),
        ("dot", DROP, ("unknown", "it may have arrived")),
    ],
)  # fmt: skip
def test_what_a_server_refuses_is_shown_in_its_words_with_what_to_do(
    mail: Callable[[SmtpSink], Result], verb: str, reply: str, said: tuple[str, ...]
) -> None:
    with SmtpSink(users={"ada": PASSWORD}) as sink:
        sink.on(verb, reply)
        done = mail(sink)

    assert done.exit_code == 1, done.output
    assert all(each in done.stdout for each in said), done.stdout


def test_a_certificate_that_is_not_trusted_is_said(run: Try) -> None:
    with SmtpSink(tls="starttls") as sink:
        url = sink.url.replace("&verify=no", "")
        done = run("test", "email", "--to", "ops@example.org", email=url)

    assert done.exit_code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in done.stdout and "verify=no trusts any" in done.stdout


def test_a_server_that_is_down_or_silent_is_said(
    mail: Callable[[SmtpSink], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmtpSink() as sink:
        pass
    assert "look at host and port" in mail(sink).stdout

    def impatient(name: str, url: str, _: object) -> SmtpChannel:
        return SmtpChannel(server_at(name, url), command_seconds=0.2)

    monkeypatch.setattr(import_module("service.cli.channels"), "open_way", impatient)
    with SmtpSink() as sink:
        sink.on("greeting", HANG)
        done = mail(sink)
    assert done.exit_code == 1 and "timed out" in done.stdout, done.stdout


def test_a_room_is_posted_to_once_and_its_answer_shown_without_the_token(
    run: Try, room: Room
) -> None:
    room.headers = {"X-Hook": "s3cret-t0ken"}
    done = run("test", "room", chat=room.url)
    room.status = 404
    gone = run("test", "room", "--json", chat=room.url)

    assert done.exit_code == 0 and "accepted after" in done.stdout and len(room.posts) == 2
    found = json.loads(gone.stdout)
    assert gone.exit_code == 1
    assert (found["outcome"], found["code"]) == ("permanent", 404)
    assert "make a new URL" in found["next"] and "< 404 " in found["steps"][-1]
    assert "s3cret" not in done.output + gone.output


def test_the_drawer_says_where_the_file_is(run: Try, folder: Path) -> None:
    done = run("test", "email", "--to", "ops@example.org")

    assert done.exit_code == 0
    (file,) = (folder / "data/drawer").iterdir()
    assert file.name in done.stdout and file.suffix == ".eml"
    assert run("test", "room").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test", "mail"), "expected a channel of the rule file, got another: email, room"),
        (("test", "email"), "expected --to"),
        (("test", "email", "--to", "a@@b"), "--to: "),
        (("test", "room", "--to", "a@b.example"), "expected no --to"),
    ],
)
def test_what_cannot_be_tried_is_one_line_and_ends_with_2(
    run: Try, words: tuple[str, ...], said: str
) -> None:
    url = "mailto://smtp.example.org?from=a@example.org"
    done = run(*words, email=url, chat="json://127.0.0.1/x")

    assert done.exit_code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_mistakes_in_the_file_and_in_a_url_end_with_2(run: Try, folder: Path) -> None:
    assert run("test", "room", chat="https://127.0.0.1/s3cret-t0ken").exit_code == 2
    (folder / "rules.yaml").write_text(RULES.replace("rules:", "rulez:"))
    done = run("list")
    assert done.exit_code == 2 and "rules.yaml:5" in done.stderr


def test_it_works_beside_a_running_service(tmp_path: Path) -> None:
    with SmtpSink() as sink, RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url) as service:
        before = service.get("/api/v1/notifications")
        assert service.command("channels", "test", "email", "--to", "a@b.example").returncode == 0
        sink.wait_for(1)
        assert service.get("/api/v1/notifications") == before
