"""`coursebell people stop`, `resume` and `link`, and the same by HTTP."""

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from service.cli import main
from service.learners.directory.people import PersonRow
from tests.installation import ADA, DAY, DONE, START, Installation, completed

PUBLIC = "https://bell.example.org"
ELSEWHERE = PersonRow(ADA.lms_id, "sunbird", "a", name="Somebody Else", email="else@example.org")


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA])
        office.tick()
        yield office


def people(office: Installation, *words: str, code: int = 0, **environ: str) -> str:
    command = ["people", *words, "--data", office.environ["COURSEBELL_DATA"]]
    result = CliRunner().invoke(main, command, env=environ)
    assert result.exit_code == code, result.output
    return result.output


def test_a_rule_cannot_be_named_before_the_first_run(tmp_path):
    file, data = tmp_path / "people.csv", str(tmp_path / "fresh")
    file.write_text("id,email\n77,ada@example.org\n")
    imported = ["people", "import", str(file), "--source", "adobe", "--new", "--data", data]
    assert CliRunner().invoke(main, imported).exit_code == 0
    result = CliRunner().invoke(main, ["people", "stop", "77", "--rule", "done", "--data", data])
    assert result.exit_code == 2
    assert "no rule is active before the first `coursebell run`" in result.output


def test_a_running_service_obeys_and_the_person_shows_it(office):
    assert "77: stopped: done" in people(office, "stop", "77", "--rule", "done")
    assert "stopped: done" in people(office, "show", "77")
    office.post(completed(START, 77))
    office.tick()
    assert [(n["state"], n["reason"]) for n in office.notifications()] == [
        ("suppressed", "stopped")
    ]

    assert "nothing is stopped" in people(office, "resume", "77")
    shown = json.loads(people(office, "show", "77", "--json"))["items"]
    assert {each["choices"] for each in shown} == {""}


def test_a_stop_of_what_is_required_is_kept_and_said_to_have_no_effect(office):
    office.write_rules(DONE + "    required: true\n")
    office.app.reload(START)
    said = people(office, "stop", "77", "--rule", "done")
    assert "77: stopped: done" in said and "done: has no effect while the rule says" in said
    office.post(completed(START, 77))
    office.tick()
    assert office.states() == ["sent"]

    office.write_rules(DONE)
    office.app.reload(START)
    office.post(completed(START + DAY, 77, course="course:8", session="course:8_1"))
    office.tick(START + DAY)
    assert sorted(office.states()) == ["sent", "suppressed"]
    assert "no effect" not in people(office, "stop", "77", "--rule", "done")


def test_by_address_in_any_case_and_twice(office):
    address = (ADA.email or "").upper()
    for _ in range(2):
        assert "every message that can be stopped" in people(office, "stop", address)
    assert "every message" in people(office, "show", "77")
    assert "nothing is stopped" in people(office, "resume", address)
    assert "every message" in people(office, "stop", "nobody.yet@example.org")


def test_a_link_is_what_the_service_reads(office):
    link = people(office, "link", "77", COURSEBELL_PUBLIC_URL=PUBLIC).strip()
    office.environ |= {"COURSEBELL_PUBLIC_URL": PUBLIC}
    office.reopen()
    token = office.app.links.choices.read(link.rpartition("/")[2])
    assert office.app.people.get(token.person).email == ADA.email
    assert "COURSEBELL_PUBLIC_URL: expected" in people(office, "link", "77", code=2)


def test_whoever_is_not_just_one_is_refused(office):
    office.import_people([ELSEWHERE])
    assert "say which with --source" in people(office, "stop", "77", code=2)
    assert "stopped" in people(office, "stop", "77", "--source", "sunbird")
    assert "nobody with an address" in people(office, "stop", "78", code=1)
    assert "did you mean 'done'?" in people(office, "stop", "77", "--rule", "dome", code=2)


def test_two_records_with_one_address_are_one_reader(office):
    office.import_people([replace(ELSEWHERE, email=ADA.email)])
    assert "every message" in people(office, "stop", "77")
