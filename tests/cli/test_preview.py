"""`coursebell preview`: the message of a template, made-up or real, printed, written or opened."""

import os
import pty
import re
import shutil
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.learners.directory.people import PersonRow
from service.sending.templates.templates import Templates
from tests.chat_room import HERE, Room
from tests.forks import Forked
from tests.installation import (
    ADA,
    DAY,
    DONE,
    FREE,
    MINUTE,
    ROOT,
    SESSION,
    START,
    Installation,
    completed,
    seats,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COURSEBELL_")]:
        monkeypatch.delenv(name)
    Path("real").mkdir()
    shutil.copytree(ROOT / "templates", "templates")
    shutil.copy(ROOT / "rules.yaml", "rules.yaml")
    return tmp_path


def preview(*options: str) -> Result:
    return CliRunner().invoke(main, ["preview", *options])


def test_every_locale_of_a_template_is_printed() -> None:
    found = preview("completed")
    assert found.exit_code == 0
    assert found.stdout.startswith(
        "completed, email\n\nSubject: Completed: Logic for Everyone\n\nHello Ada Lovelace,\n\n"
    )
    assert "\ncompleted, email, de\n\nSubject: Abgeschlossen: Logic for Everyone\n" in found.stdout
    assert "\x1b" not in found.stdout


def test_one_locale_is_the_one_that_a_reader_gets() -> None:
    assert preview("completed", "--locale", "de-AT").stdout.startswith("completed, email, de\n")
    assert preview("completed", "--locale", "fr-CA").stdout.startswith("completed, email, fr\n")
    assert preview("completed", "--locale", "nl").stdout.startswith("completed, email\n")


def test_a_form_is_one_of_the_templates() -> None:
    assert preview("feed_silent").stdout.count("\nSubject: ") == 7
    assert preview("feed_silent", "--form", "chat").stdout.startswith("feed_silent, chat\n")
    wrong = preview("completed", "--form", "chat")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "expected a template with the form chat, got one with email" in wrong.stderr


def test_it_is_told_to_whom_the_rules_tell_it() -> None:
    assert "\nHello Grace Hopper,\n" in preview("team_completions").stdout


@pytest.mark.parametrize("rules", [None, "version: 1\nrulez: []\n"])
def test_words_are_shown_whatever_the_rule_file_is_like(rules: str | None) -> None:
    Path("rules.yaml").unlink()
    if rules:
        Path("rules.yaml").write_text(rules)
    assert "\nHello Grace Hopper,\n" in preview("team_completion").stdout


def test_a_mistake_is_told_as_check_tells_it() -> None:
    Path("templates/completed/email/body.txt").write_text("Hello\n{{ curse.title }}\n")
    found = preview("completed")
    expected = (
        "error templates/completed/email/body.txt:2: unknown variable 'curse.title'; "
        "did you mean 'course.title'?\n"
    )
    assert (found.exit_code, found.stdout) == (1, expected)
    assert expected in CliRunner().invoke(main, ["check"]).stdout


def test_a_mistake_in_another_template_is_no_hindrance() -> None:
    Path("templates/stalled/email/body.txt").write_text("{{ curse.title }}\n")
    assert preview("completed").exit_code == 0


def test_a_mistake_in_what_all_share_is_told() -> None:
    with Path("templates/_layout/email.html").open("a") as layout:
        layout.write("{% call x %}")
    found = preview("completed")
    assert found.exit_code == 1
    assert found.stdout.startswith("error templates/_layout/email.html:")


def test_an_unknown_template_is_guessed() -> None:
    found = preview("complted")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "no template 'complted'; did you mean 'completed'?" in found.stderr
    assert "; there are almost_full, channel_failing, completed, " in preview("xyz").stderr


def test_a_missing_folder_is_named() -> None:
    shutil.rmtree("templates")
    found = preview("completed")
    assert found.exit_code == 1
    assert found.stdout == "error templates: expected a folder of templates, found none\n"


def test_files_hold_text_page_and_mail() -> None:
    found = preview("team_completions", "--output", "out/here")
    tags = ("", ".ar", ".de", ".es", ".fr", ".hi")
    names = [f"team_completions.email{x}.{y}" for x in tags for y in ("txt", "html", "eml")]
    assert found.stdout.splitlines() == [f"out/here/{name}" for name in names]
    text = Path("out/here/team_completions.email.txt").read_text()
    assert text.startswith("14 completions in your team\n\nHello Grace Hopper,\n")
    mail = message_from_bytes(
        Path("out/here/team_completions.email.de.eml").read_bytes(), policy=policy.default
    )
    assert mail["To"] == "Grace Hopper <grace@example.org>"
    assert mail["Subject"] == "14 Abschlüsse in Ihrem Team"
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().split() == (
        Path("out/here/team_completions.email.de.html").read_text().split()
    )


def test_a_message_to_a_room_is_text_alone() -> None:
    assert preview("almost_full", "--output", "out").stdout == "out/almost_full.chat.txt\n"
    assert not Path("out/almost_full.chat.eml").exists()


def test_a_room_is_shown_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Room() as room:
        url = f"mmost://127.0.0.1:{room.port}/3ccdd113474722377935511fc85d3dd4"
        place = Path("templates/list/chat")
        place.mkdir(parents=True)
        (place / "body.txt").write_text(
            "{% for item in items %}{{ item.learner.name }}.{% endfor %}"
        )
        told = {"COURSEBELL_TEMPLATES": "templates", "COURSEBELL_CHAT_URL": url}
        told["COURSEBELL_CHAT_PRIVATE_NETWORKS"] = HERE
        digest = "{post: room, template: list, digest: {every: day, max_items: 200}}"
        rules = DONE.replace("{to: learner, via: email, template: completed}", digest)
        with Installation(tmp_path / "real", rules, **told) as real:
            names = [PersonRow(str(n), name=f"Person {n} {'x' * 60}") for n in range(100)]
            real.import_people(names)
            real.post(*(completed(START + n, n) for n in range(100)))
            real.tick(START + MINUTE)
            real.tick(START + DAY)
            (sent,) = [each for each in real.notifications() if each["state"] == "sent"]
        (post,) = room.posts
        named = post["text"].count("Person")
        assert 0 < named < 100 and post["text"].endswith(f"and {100 - named} more")

        for name, value in {**told, "COURSEBELL_RULES": "real/rules.yaml"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COURSEBELL_EMAIL_URL", "drawer://")
        data = ("--data", str(tmp_path / "real/data"), "--output", "out")
        assert preview("list", "--notification", sent["id"], *data).exit_code == 0
        assert Path("out/list.chat.txt").read_text().strip() == post["text"]


def test_a_real_notification_reads_as_it_was_delivered(tmp_path: Path) -> None:
    with Installation(tmp_path / "real", DONE + FREE) as real:
        real.import_people([ADA])
        real.post(completed(START, 77))
        real.post(seats(START, 10), seats(START + 1, 9), at=START + 1)
        real.tick(START + 1)
        done, free = sorted(real.notifications(), key=lambda n: n["rule"])
        (mail,) = (tmp_path / "real/data/drawer").glob("*.eml")
        (post,) = (tmp_path / "real/data/drawer").glob("*.txt")
        position = real.app.ledger.end()
        data = ("--data", str(tmp_path / "real/data"))
        preview("completed", "--notification", done["id"], *data, "--output", "out")
        preview("seat_free", "--notification", free["id"], *data, "--output", "out")
        assert real.app.ledger.end() == position
    sent = message_from_bytes(mail.read_bytes(), policy=policy.default)
    seen = message_from_bytes(Path("out/completed.email.eml").read_bytes(), policy=policy.default)
    assert [sent[name] for name in ("To", "Subject")] == [seen[name] for name in ("To", "Subject")]
    parts = [(m.get_body((kind,)), kind) for kind in ("plain", "html") for m in (sent, seen)]
    words = [part.get_content() for part, _ in parts if part is not None]
    assert words[0] == words[1] and words[2] == words[3] and len(words) == 4
    assert Path("out/seat_free.chat.txt").read_text() == post.read_text()
    assert SESSION not in words[0] and "Ada Lovelace" in words[0]


def test_what_a_message_stood_for_is_named_again(tmp_path: Path) -> None:
    rule = DONE.replace("    notify", "    collapse: 10m\n    notify")
    with Installation(tmp_path / "real", rule) as real:
        real.import_people([ADA])
        other = completed(START, 77, course="course:9", session="course:9_1")
        real.post(completed(START, 77), other)
        real.tick(START)
        real.tick(START + DAY // 24)
        (sent,) = (n for n in real.notifications() if n["state"] == "sent")
    data = ("--data", str(tmp_path / "real/data"))
    found = preview("completed", "--notification", sent["id"], "--locale", "en", *data)
    assert "course:7" in found.stdout and "course:9" in found.stdout


def test_who_has_no_address_is_written_to_at_a_made_up_one(tmp_path: Path) -> None:
    with Installation(tmp_path / "real", DONE) as real:
        real.post(completed(START, 77))
        real.tick(START)
        (waiting,) = real.notifications()
    data = ("--data", str(tmp_path / "real/data"))
    preview("completed", "--notification", waiting["id"], *data, "--output", "out")
    mail = message_from_bytes(Path("out/completed.email.eml").read_bytes(), policy=policy.default)
    assert mail["To"] == "recipient@example.org"


def test_a_notification_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with Installation(tmp_path / "real", DONE):
        pass
    found = preview("completed", "--notification", "n0", "--data", str(tmp_path / "real/data"))
    assert found.exit_code == 2 and "n0: no such notification" in found.stderr
    both = preview("completed", "--notification", "n0", "--sample")
    assert both.exit_code == 2 and "got both" in both.stderr


def opened_on_a_terminal(folder: Path, template: str) -> tuple[str, list[str]]:
    """What a terminal gets to see, and the addresses that the browser was called with."""
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {folder}/called\n')
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    env = {**os.environ, "BROWSER": f"{browser} %s", "TMPDIR": str(folder)}
    command = ["preview", template, "--open"]
    with Forked(command, Path.cwd(), env, stdout=theirs) as running:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # the other end is closed
            pass
        running.wait()
    os.close(ours)
    called = folder / "called"
    return seen.decode(), called.read_text().splitlines() if called.exists() else []


def test_at_a_terminal_the_browser_is_asked_to_open_each_page(tmp_path: Path) -> None:
    seen, called = opened_on_a_terminal(tmp_path, "completed")
    written = [line for line in seen.splitlines() if line.endswith(".html")]
    assert called == [f"file://{path}" for path in written] and len(called) == 6
    assert "Logic for Everyone" in Path(written[0]).read_text()


def test_a_message_without_a_page_opens_nothing(tmp_path: Path) -> None:
    assert opened_on_a_terminal(tmp_path, "almost_full")[1] == []


def test_in_a_pipe_nothing_is_opened() -> None:
    found = preview("completed", "--open", "--output", "out")
    assert found.exit_code == 0 and "this is no terminal" in found.stderr


def test_all_words_are_on_one_page_in_light_dark_and_as_wide_as_a_phone() -> None:
    found = preview("--all", "--output", "out")
    assert found.exit_code == 0 and found.stdout == "out/all.html\n"
    page = Path("out/all.html").read_text()
    forms = Templates(Path("templates")).forms
    assert all(f'<h2 id="{name}.{form}">' in page for name in forms for form in forms[name])
    assert page.count("<iframe") == 11 * 6 * 3
    assert page.count('<iframe class="dark" width="600"') == 11 * 6
    assert page.count('<iframe class="light" width="375"') == 11 * 6
    assert "http" not in re.sub(r"https://(lms|coursebell)\.example\.org", "", page)


def test_what_a_language_lacks_is_listed_as_lines_for_its_file() -> None:
    assert preview("--missing", "de_AT").stdout == (
        "# templates/_languages/de.yaml says all there is to say\n"
    )
    found = preview("--missing", "nl").stdout
    assert found.startswith(
        "# 158 missing in templates/_languages/nl.yaml, which is not there yet\n"
    )
    Path("templates/_languages/nl.yaml").write_text(found)
    assert preview("--missing", "nl").stdout.endswith("nl.yaml says all there is to say\n")
    assert preview("completed", "--locale", "nl-BE").stdout.startswith("completed, email, nl\n")


def test_a_language_is_begun_in_a_file_that_the_shell_has_just_made_empty() -> None:
    file = Path("templates/_languages/pl.yaml")
    file.write_text("")
    found = preview("--missing", "pl")
    assert found.exit_code == 0
    many = 'several: {one: "One course completed", few: "{n} courses completed", many: '
    assert many in found.stdout
    file.write_text(found.stdout)
    assert preview("--missing", "pl").stdout.endswith("pl.yaml says all there is to say\n")


def test_only_a_mistake_in_its_own_words_or_in_english_keeps_a_language_from_being_listed() -> None:
    Path("templates/_languages/fr.yaml").write_text('greeting: "x\n')
    Path("templates/completed/email/body.txt").write_text("{{ nothing.such }}")
    assert preview("--missing", "de").exit_code == 0
    found = preview("--missing", "fr-CA")  # what it prints may go into the very file
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == (
        "coursebell: templates/_languages/fr.yaml:1:11: a quote is opened and never closed\n"
    )
    Path("templates/_languages/nl.yml").write_text("")
    assert "nl.yml: expected the words of a language" in preview("--missing", "nl").stderr


def test_a_language_that_nobody_knows_is_refused() -> None:
    found = preview("--missing", "Dutch")
    assert found.exit_code == 2 and found.stdout == ""
    assert "expected the tag of a language, such as nl or pt-BR; got 'Dutch'" in found.stderr


def test_one_thing_is_asked_for_at_a_time() -> None:
    for words in ((), ("completed", "--all"), ("--all", "--missing", "de")):
        found = preview(*words)
        assert found.exit_code == 2
        assert "expected the name of one template, --all or --missing LOCALE" in found.stderr


def test_who_reads_words_that_no_rule_names_is_told_by_what_they_say() -> None:
    assert "you are the manager" in preview("team_not_passed", "--locale", "en").stdout
    assert "your own learning" in preview("not_passed", "--locale", "en").stdout
    assert "in the group" in preview("letter_set_aside", "--form", "email").stdout
