"""`coursebell migrate` moves the ledger, says what to do next, and never shows an address."""

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.ledger.data_folder import lock_data_folder
from service.ledger.migration import copying
from tests.installation import ADA, DONE, START, Installation, completed

pytestmark = pytest.mark.of_files  # of one that is moved, and what was moved is another

NOWHERE = "postgresql://coursebell:sesame@127.0.0.1:1/nowhere"


@pytest.fixture
def office(tmp_path: Path) -> Path:
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick()
    return tmp_path / "data"


def coursebell(*words: object, database: str | None = None) -> Result:
    environ = {"COURSEBELL_DATABASE_URL": database}
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def test_there_and_back_it_says_what_to_set(office: Path, postgres_address: str) -> None:
    there = coursebell("migrate", "--to", "postgresql", "--data", office, database=postgres_address)
    assert there.exit_code == 0, there.output
    assert there.stderr.split("\n") == [
        "Checking 14 rows",
        "Copying 14 rows",
        "Comparing 14 rows",
        "",
    ]
    assert there.stdout == (
        "6 events and 17 tables moved, and all of it is the same there. Set "
        "COURSEBELL_DATABASE_URL to its address, leave COURSEBELL_DATA as it is, and start the "
        "service. What was moved can only be read from now on.\n"
    )
    refused = coursebell("people", "list", "--data", office)
    assert refused.exit_code == 2
    assert "ledger.db: this ledger was moved, and goes on where it was moved to" in refused.stderr
    assert "nothing is missing" in coursebell("fsck", "--data", office).stdout

    back = coursebell("migrate", "--to", office, "--data", office, database=postgres_address)
    assert back.exit_code == 0, back.output
    assert f"Unset COURSEBELL_DATABASE_URL, set COURSEBELL_DATA to {office}, and" in back.stdout
    assert "ada@example.org" in coursebell("people", "show", "77", "--data", office).stdout
    again = coursebell("migrate", "--to", office, "--data", office, database=postgres_address)
    assert again.exit_code == 2 and "expected no ledger, found one" in again.stderr


def test_a_ledger_that_was_moved_is_used_again_when_somebody_says_so(
    office: Path, postgres_address: str
) -> None:
    assert coursebell("migrate", "--to", postgres_address, "--data", office).exit_code == 0
    assert coursebell("people", "list", "--data", office).exit_code == 2
    assert coursebell("fsck", "--accept-loss", "--data", office).exit_code == 0
    assert coursebell("people", "list", "--data", office).exit_code == 0


def test_letters_that_some_have_taken_in_part_are_taken_first(
    office: Path, postgres_address: str
) -> None:
    assert coursebell("migrate", "--to", postgres_address, "--data", office).exit_code == 0
    with psycopg.connect(postgres_address) as session:
        session.execute("INSERT INTO parts (n, shard, events) VALUES (9, 3, '[]')")
    words = ("migrate", "--to", office, "--data", office)
    refused = coursebell(*words, database=postgres_address)
    assert refused.exit_code == 2 and "start `coursebell work` again" in refused.stderr
    with psycopg.connect(postgres_address) as session:
        session.execute("DELETE FROM parts")
    assert coursebell(*words, database=postgres_address).exit_code == 0


def test_a_service_that_runs_keeps_it_from_being_moved(office: Path, postgres_address: str) -> None:
    with lock_data_folder(office):
        refused = coursebell("migrate", "--to", postgres_address, "--data", office)
    assert refused.exit_code == 2 and "stop that one first" in refused.stderr


def test_a_copy_that_differs_ends_with_one(
    office: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "differences", lambda *_: ["the table people"])
    done = coursebell("migrate", "--to", postgres_address, "--data", office)
    assert done.exit_code == 1 and "it differs in the table people; the ledger" in done.stderr
    assert coursebell("people", "list", "--data", office).exit_code == 0


@pytest.mark.parametrize(
    ("to", "database", "words"),
    [
        ("postgresql", None, "COURSEBELL_DATABASE_URL: expected the address of a database, got"),
        ("elsewhere", None, "--to: expected `postgresql` or an address that begins with post"),
        ("postgresql://sesame and more", None, "COURSEBELL_DATABASE_URL: expected an address like"),
        ("postgresql://x:sesame@[h/d", None, "the database's address: expected postgresql://user@"),
        (NOWHERE, None, "PostgreSQL: OperationalError"),
        ("postgresql", NOWHERE, "PostgreSQL: OperationalError"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_line_without_the_address(
    office: Path, to: str, database: str | None, words: str
) -> None:
    refused = coursebell("migrate", "--to", to, "--data", office, database=database)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1), refused.output
    assert words in refused.stderr and "sesame" not in refused.output
    assert coursebell("people", "list", "--data", office).exit_code == 0


def test_a_mistyped_folder_is_no_empty_ledger(tmp_path: Path, postgres_address: str) -> None:
    refused = coursebell("migrate", "--to", postgres_address, "--data", tmp_path / "dta")
    assert refused.exit_code == 2 and "expected ledger.db in it, found none" in refused.stderr
    back = coursebell("migrate", "--to", tmp_path / "new", database=postgres_address)
    assert back.exit_code == 2 and "expected a ledger there, found none" in back.stderr
    assert not (tmp_path / "new/ledger.db").exists()


def test_views_of_another_ledger_are_not_taken_for_its_own(
    office: Path, postgres_address: str, tmp_path: Path
) -> None:
    assert coursebell("migrate", "--to", postgres_address, "--data", office).exit_code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other/views.db").touch()
    words = ("migrate", "--to", tmp_path / "other", "--data", office)
    refused = coursebell(*words, database=postgres_address)
    assert (
        refused.exit_code == 2 and "expected an empty folder, got one with views" in refused.stderr
    )
