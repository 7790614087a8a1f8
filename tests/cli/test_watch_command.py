"""`coursebell watch`: asking for somebody, from the keyboard."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.incoming.letter import Arrival
from tests.installation import DONE, SESSION, START, Installation, body, seats

PUBLIC = "https://bell.example.org"


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Installation(tmp_path, DONE) as office:
        office.post(seats(START, 10))
        office.tick()
        yield office


def watch(office: Installation, *words: str, code: int = 0, **environ: str) -> str:
    command = ["watch", *words, "--data", str(Path(office.environ["COURSEBELL_DATA"]))]
    result = CliRunner().invoke(main, command, env=environ)
    assert result.exit_code == code, result.output
    return result.output


def test_it_is_asked_listed_and_taken_back(office):
    assert "77 will be told once" in watch(office, "add", SESSION, "77")
    watch(office, "add", SESSION, "77")
    watch(office, "add", SESSION, "78")

    listed = json.loads(watch(office, "list", SESSION, "--json"))["items"]
    assert [each["learner"] for each in listed] == ["77", "78"]
    assert "77" in watch(office, "list", SESSION)

    watch(office, "remove", SESSION, "77")
    watch(office, "remove", SESSION, "77")
    watch(office, "remove", SESSION, "nobody")
    assert [
        e["learner"] for e in json.loads(watch(office, "list", SESSION, "--json"))["items"]
    ] == ["78"]


def test_a_link_is_what_the_service_reads(office):
    link = watch(office, "link", SESSION, "77", COURSEBELL_PUBLIC_URL=PUBLIC).strip()
    again = watch(office, "link", SESSION, "77", COURSEBELL_PUBLIC_URL=PUBLIC).strip()

    office.environ |= {"COURSEBELL_PUBLIC_URL": PUBLIC}
    office.reopen()
    invitation = office.app.links.watch.read(link.rpartition("/")[2])

    assert link == again and link.startswith(f"{PUBLIC}/watch/")
    assert office.app.people.lms_ids([invitation.person]) == {invitation.person: "77"}


def test_another_key_makes_earlier_links_useless(office):
    link = watch(office, "link", SESSION, "77", COURSEBELL_PUBLIC_URL=PUBLIC).strip()

    office.environ |= {"COURSEBELL_PUBLIC_URL": PUBLIC, "COURSEBELL_SECRET_KEY": "k" * 32}
    office.reopen()

    assert office.app.links.watch.read(link.rpartition("/")[2]) is None


def test_without_a_public_address_there_is_no_link(office):
    said = watch(office, "link", SESSION, "77", code=2)

    assert "COURSEBELL_PUBLIC_URL: expected the address people reach" in said
    assert not (office.folder / "data/secret.key").exists()


def test_an_instance_nobody_reported_is_named(office):
    assert "nope: no such instance" in watch(office, "add", "nope", "77", code=1)


def test_of_several_instances_with_one_id_one_must_be_said(office):
    office.app.letters.keep([Arrival("adobe", START, {}, body(seats(START, 10), account=5))])
    office.tick()

    assert "say which with --source and --account" in watch(office, "add", SESSION, "77", code=2)
    watch(office, "add", SESSION, "77", "--account", "5")
    assert "77" in watch(office, "list", SESSION, "--account", "5")
    assert "77" not in watch(office, "list", SESSION, "--account", "1234")
