"""How old the last import is: a metric, and a warning where the settings say how old it may be."""

import pytest

from service.learners.directory.imports import RecordedImport, record
from tests.api.conftest import Client
from tests.installation import DAY, DONE, START, Installation
from tests.real_service import RealService

LAST = "coursebell_last_import_timestamp_seconds"


@pytest.fixture
def site(tmp_path, open_site):
    with Installation(tmp_path, DONE, COURSEBELL_IMPORT_MAX_AGE="2d") as office:
        yield office, Client(open_site(office))


def imported(office: Installation, at: int, **more: object) -> None:
    one = {"what": "people", "source": "adobe", "account": "1", "rows": 1, "at": at} | more
    record(office.app.ledger, [RecordedImport(**one)])  # type: ignore[arg-type]


def check(client: Client) -> dict[str, str] | None:
    found = client.get("/readyz").json()
    assert found["ready"]
    return next((each for each in found["checks"] if each["name"] == "imports"), None)


def test_the_newest_of_each_source_and_list_is_a_metric(site):
    office, client = site
    imported(office, START - 5_000)
    imported(office, START)
    imported(office, START - 1_000, account="2")
    imported(office, START + 1_000, refused=True)
    imported(office, START - 9_000, list="Pilot")
    imported(office, START - 7_000, what="courses")
    found = {name: at for name, at in client.numbers().items() if LAST in name}
    assert found == {
        f'{LAST}{{list="",source="adobe",what="people"}}': START / 1000,
        f'{LAST}{{list="Pilot",source="adobe",what="people"}}': START / 1000 - 9,
        f'{LAST}{{list="",source="adobe",what="courses"}}': START / 1000 - 7,
    }


@pytest.mark.parametrize(("at", "late"), [(START - 2 * DAY, False), (START - 2 * DAY - 1, True)])
def test_one_that_is_too_old_is_a_warning_and_the_service_stays_ready(site, at, late):
    office, client = site
    imported(office, at)
    imported(office, START, list="Pilot")
    warned = check(client)
    assert bool(warned) == late
    assert client.numbers()['coursebell_import_overdue{source="adobe"}'] == late
    if warned:
        assert warned["state"] == "warning"
        assert warned["detail"].startswith("the last import of people of adobe was 2026-11-14")


def test_none_at_all_is_too_old(site):
    _, client = site
    warned = check(client)
    assert warned and warned["detail"].startswith("the last import of people was never")


def test_without_the_setting_nobody_is_warned(office, client):
    imported(office, 1)
    assert check(client) is None
    assert client.numbers()['coursebell_import_overdue{source="adobe"}'] == 0


def test_status_and_check_say_so_until_somebody_imports(tmp_path):
    here = RealService(tmp_path, DONE, COURSEBELL_IMPORT_MAX_AGE="1d")
    with here:
        told = here.command("status")
        assert told.returncode == 1
        assert "look at  the last import of people was never" in told.stdout
        checked = here.command("check")
        assert "the last import of people was never" in checked.stderr
        assert "nothing is wrong, but for 1 warning\n" in checked.stdout
        here.import_people("id\n7\n", "--source", "adobe")
        told = here.command("status")
        assert "last import of people" not in told.stdout
        assert "people         adobe: last import" in told.stdout
