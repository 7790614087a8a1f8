"""What is in the data folder is for its owner only, whatever the umask was when it was made."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import DONE, START, completed
from tests.real_service import RealService

pytestmark = pytest.mark.of_files

PEOPLE = "id,name,email\n77,Ada Lovelace,ada@example.org\n"
TOLD = {"COURSEBELL_PUBLIC_URL": "http://localhost", "COURSEBELL_ADMIN_TOKEN": "t"}
MADE = {
    "", "coursebell.lock", "drawer", "ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.mark",
    "secret.key", "views.db", "views.db-shm", "views.db-wal",
}  # fmt: skip


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(data: Path) -> dict[str, str]:
    """The modes of the folder and all in it, by the path below it."""
    found = [data, *data.rglob("*")]
    return {
        "" if each == data else str(each.relative_to(data)): stat.filemode(each.stat().st_mode)
        for each in found
    }


def is_private(data: Path) -> bool:
    return set(modes(data).values()) <= {"drwx------", "-rw-------"}


def test_a_new_service_makes_private_files(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    folder.chmod(0o755)
    with RealService(folder, DONE, **TOLD) as service:
        service.import_people(PEOPLE)
        service.post(completed(START, 77))
        service.call("GET", "/api/v1/notifications", Authorization="Bearer t")
        service.stop()
        service.start()

        assert modes(service.data).keys() >= MADE
        assert is_private(service.data), modes(service.data)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "words",
    [
        ("people", "import", "people.csv", "--new"),
        ("courses", "import", "courses.csv", "--new"),
        ("letters", "import", "letters.jsonl", "--source", "adobe"),
        ("mute", "--all"),
    ],
    ids=lambda words: words[0],
)
def test_commands_before_the_first_run_make_private_files(
    tmp_path: Path, umask: int, words: tuple[str, ...]
) -> None:
    service = RealService(tmp_path, DONE)
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "courses.csv").write_text("id,title\ncourse:7,Safe driving\n")
    (tmp_path / "letters.jsonl").write_text('{"accountId": 1, "events": []}\n')

    service.command(*words)

    assert is_private(service.data) if service.data.exists() else words[0] == "mute"


def test_what_others_could_read_is_mended_at_start(tmp_path: Path) -> None:
    with RealService(tmp_path, DONE, **TOLD) as service:
        service.post(completed(START, 77))
        service.stop()
        service.start()
        service.kill()
        drawer = service.data / "drawer"
        drawer.mkdir(exist_ok=True)
        (drawer / "old.eml").write_text("Dear Ada")
        (service.data / "ledger.db-copy").write_text("a copy")
        for each in (service.data, *service.data.rglob("*")):
            each.chmod(0o777 if each.is_dir() else 0o666)

        service.start()

        assert modes(service.data).keys() >= MADE
        assert is_private(service.data), modes(service.data)


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (outside := tmp_path / "shared").write_text("everybody's")
    outside.chmod(0o644)
    with RealService(tmp_path, DONE) as service:
        service.stop()
        other = service.data / "lost+found"
        other.mkdir()
        other.chmod(0o755)
        (service.data / "link").symlink_to(outside)
        service.data.chmod(0o755)

        service.start()

        assert stat.S_IMODE(outside.stat().st_mode) == 0o644
        assert stat.S_IMODE(other.stat().st_mode) == 0o755
        assert stat.S_IMODE(service.data.stat().st_mode) == 0o700


def test_a_folder_that_leads_elsewhere_is_mended_there(tmp_path: Path) -> None:
    (real := tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "data").symlink_to(real)
    with RealService(tmp_path, DONE):
        assert stat.S_IMODE(real.stat().st_mode) == 0o700
        assert is_private(real)
