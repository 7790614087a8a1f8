"""A channel that was mail does not put messages into the drawer because a variable is missing."""

from subprocess import CompletedProcess

import pytest

from service.sending.channels import channel_in_words
from service.sending.known_channels import STREAM
from tests.installation import ADA, DONE, HOUR, MINUTE, START, Installation, completed
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

DEFAULT = "version: 1\nchannels:\n  email: ${COURSEBELL_EMAIL_URL:-drawer://}\nrules:\n"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


class Desk(Installation):
    """An installation whose channels fall back to the drawer, as the shipped file says."""

    def write_rules(self, rules: str) -> None:
        self.rules.write_text(DEFAULT + rules)

    def restart(self, at: int, **environ: str) -> None:
        self.environ.pop("COURSEBELL_EMAIL_URL", None)
        self.environ.update(environ)
        self.reopen(at)


@pytest.fixture
def desk(tmp_path, sink):
    with Desk(tmp_path, DONE, email=sink.url) as desk:
        desk.import_people([ADA])
        yield desk


def test_what_is_owed_waits_until_the_variable_is_set_again(desk, sink):
    desk.restart(START)
    desk.post(completed(START, 77))
    desk.tick(START)
    desk.tick(START + HOUR)
    assert desk.states() == ["owed"]
    assert desk.drawer() == []
    assert "COURSEBELL_EMAIL_URL is not set" in desk.app.held_channels["email"]

    desk.restart(START + 2 * HOUR, COURSEBELL_EMAIL_URL=sink.url)
    desk.tick(START + 2 * HOUR)

    assert desk.states() == ["sent"]
    assert len(sink.mails) == 1


def test_the_drawer_can_be_meant(desk):
    desk.restart(START, COURSEBELL_EMAIL_URL="drawer://")
    desk.post(completed(START, 77))
    desk.tick(START)
    assert len(desk.drawer()) == 1

    desk.restart(START + 1)
    assert desk.app.held_channels == {}, "it has been the drawer since"


def test_half_a_file_does_not_make_it_forget(desk):
    whole = desk.rules.read_text()
    desk.environ.pop("COURSEBELL_EMAIL_URL")
    desk.rules.write_text(whole.split("channels:", maxsplit=1)[0] + "rules: []\n")
    desk.reopen(START)
    desk.rules.write_text(whole)
    desk.reopen(START + MINUTE)

    assert list(desk.app.held_channels) == ["email"]


def test_a_new_installation_uses_the_drawer_and_records_nothing(tmp_path):
    with Desk(tmp_path, DONE) as desk:
        desk.restart(START)
        assert desk.app.held_channels == {}
        assert desk.app.store.latest(STREAM) is None


def test_a_reload_holds_and_lets_go(desk, sink):
    desk.rules.write_text(DEFAULT.replace("COURSEBELL_EMAIL_URL", "OTHER_URL") + DONE)
    desk.app.reload(START)
    desk.post(completed(START, 77))
    desk.tick(START)
    assert (desk.states(), desk.drawer()) == (["owed"], [])
    desk.write_rules(DONE)
    desk.app.reload(START + 1)
    desk.tick(START + 1)

    assert desk.states() == ["sent"]


def says_so(status: CompletedProcess[str]) -> CompletedProcess[str] | None:
    return status if "what it owes is held" in " ".join(status.stdout.split()) else None


def test_it_is_seen(tmp_path, sink):
    service = RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url)
    service.rules.write_text(DEFAULT + DONE)
    with service:
        until(lambda: service.check("start") is None, "the log is read")
        assert service.stop() == 0
        del service.environ["COURSEBELL_EMAIL_URL"]
        service.start()
        found = until(lambda: service.check("channels"), "the trouble shows")
        checked = service.command("check")
        listed = service.command("channels", "list")
        tried = service.command("channels", "test", "email", "--to", "ada@example.org")
        until(lambda: service.check("start") is None, "the log is read")
        stands = until(lambda: says_so(service.command("status")), "status says so")

    assert found["state"] == "warning"
    assert "COURSEBELL_EMAIL_URL is not set" in found["detail"]
    assert checked.returncode == 1
    assert "COURSEBELL_EMAIL_URL is not set" in checked.stdout
    assert "nowhere, it is held" in listed.stdout
    assert (tried.returncode, "COURSEBELL_EMAIL_URL is not set" in tried.stderr) == (2, True)
    assert stands.returncode == 1
    assert "COURSEBELL_EMAIL_URL is not set" in service.logged()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("drawer://", "drawer, {folder}"),
        ("mailtos://ada:s3cret@smtp.example.org?from=a@example.org", "mail, smtp.example.org:587"),
        ("mailto://smtp.example.org:2525?from=a@example.org", "mail, smtp.example.org:2525"),
        (
            "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
            "chat, Slack at hooks.slack.com",
        ),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "chat, Slack"),
        ("ntfys://secrettopic", "chat, ntfy"),
        ("jsons://ada:s3cret@host.example.org/path", "chat, JSON at host.example.org"),
    ],
)
def test_a_channel_is_named_by_its_kind_and_host(tmp_path, url, words):
    assert channel_in_words("it", url, drawer=tmp_path) == words.format(folder=tmp_path)
