"""`coursebell letters import`: archives of many shapes come in, and nothing of them is sent."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.incoming.archive_import import UnreadableArchive, payloads_in
from tests import forks
from tests.installation import DAY, DONE, ROOT, START, Installation, body, completed, enrolled
from tests.real_service import RealService
from tests.waiting import until

ADA, GRACE = 77, 78


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as office:
        yield office


def run(folder: Path, *words: str, stdin: bytes = b"") -> tuple[int, Any, str]:
    """Exit code, what it wrote as JSON (None for nothing), and what it said beside."""
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("COURSEBELL_")},
        "COURSEBELL_RULES": str(folder / "rules.yaml"),
        "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
        "COURSEBELL_DATA": str(folder / "data"),
        "COURSEBELL_EMAIL_URL": "drawer://",
        "COURSEBELL_CHAT_URL": "drawer://",
    }
    done = forks.run(["letters", "import", *words, "--json"], folder, environ, stdin)
    said = json.loads(done.stdout) if done.stdout else None
    return done.returncode, said, done.stderr.decode()


def lines(*payloads: bytes) -> bytes:
    return b"".join(payload + b"\n" for payload in payloads)


def story(user: int) -> tuple[bytes, bytes]:
    return body(enrolled(START - 20 * DAY, user)), body(completed(START - 19 * DAY, user))


def test_lines_come_in_without_a_service_and_nobody_is_told(office: Installation) -> None:
    office.app.close()
    (office.folder / "gap.jsonl").write_bytes(lines(*story(ADA), b"", *story(GRACE)))

    code, said, _ = run(office.folder, "gap.jsonl", "--source", "adobe")

    assert code == 0
    assert said == {
        "letters": 4, "recorded": 4, "superseded": 0, "duplicate": 0, "ignored": 0, "set_aside": 0,
    }  # fmt: skip
    office.open()
    office.tick(START)
    assert office.notifications() == [] and office.drawer() == []
    office.app.views.catch_up()
    statuses = [row["status"] for row in office.app.views.reader()["enrollments"].rows]
    assert statuses == ["completed", "completed"]


def test_the_same_archive_twice_changes_nothing(office: Installation) -> None:
    office.app.close()
    archive = lines(*story(ADA))

    run(office.folder, "-", "--source", "adobe", stdin=archive)
    code, said, _ = run(office.folder, "-", "--source", "adobe", stdin=archive)

    assert (code, said["recorded"], said["duplicate"]) == (0, 0, 2)
    office.open()


def test_a_folder_is_read_in_order_whatever_its_files_are(office: Installation) -> None:
    office.app.close()
    folder = office.folder / "archive"
    (folder / "day 2").mkdir(parents=True)
    begun, done = story(ADA)
    (folder / "1.json").write_text(json.dumps(json.loads(begun), indent=2))
    (folder / "day 2" / "all.jsonl.gz").write_bytes(gzip.compress(lines(done, *story(GRACE))))
    (folder / "day 2" / "lines.json").write_bytes(lines(*story(79)))
    (folder / ".hidden").write_bytes(b"nothing of ours")
    (folder / "empty").write_bytes(b" \n")

    code, said, _ = run(office.folder, "archive", "--source", "adobe")

    assert (code, said["letters"], said["recorded"]) == (0, 6, 6)
    office.open()


def test_what_cannot_be_used_is_set_aside_and_told(office: Installation) -> None:
    office.app.close()
    broken = lines(b"no JSON", *story(ADA))

    code, said, told = run(office.folder, "-", "--source", "adobe", stdin=broken)

    assert (code, said["recorded"], said["set_aside"]) == (1, 2, 1)
    assert "coursebell letters reasons" in told
    office.open()
    assert office.app.letters.show(1)["imported"] is True  # type: ignore[index]


def test_what_came_by_the_door_before_is_told_of_first(office: Installation) -> None:
    """Imported before it, the same event would make it a duplicate that nobody hears of."""
    office.post(completed(START, GRACE))
    office.app.close()

    code, said, told = run(office.folder, "-", "--source", "adobe", stdin=lines(*story(ADA)))

    assert (code, said) == (1, None)
    assert "letters that came by the door still wait" in told
    office.open()
    assert office.app.letters.counts()["accepted"] == 1
    office.tick(START)
    assert len(office.notifications()) == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("gone.jsonl", "--source", "adobe"), 2, "No such file"),
        (("rules.yaml",), 2, "--source"),
        (("rules.yaml", "--source", "moodle"), 2, "'moodle'"),
    ],
)
def test_what_it_cannot_begin_with_is_one_clear_line(
    office: Installation, words: tuple[str, ...], code: int, told: str
) -> None:
    office.app.close()
    found, said, beside = run(office.folder, *words)
    assert (found, said) == (code, None) and told in beside
    office.open()


def test_a_broken_package_says_which(office: Installation) -> None:
    office.app.close()
    whole = gzip.compress(lines(*(p for n in range(600) for p in story(n))))
    for name, packed in (("cut", whole[:-9]), ("bad", whole[:400] + b"?" * 40 + whole[440:])):
        (office.folder / f"{name}.gz").write_bytes(packed)

        code, _, told = run(office.folder, f"{name}.gz", "--source", "adobe")

        assert code == 1 and f"{name}.gz: cannot be read on" in told
        assert told.endswith("what stands before that place is in\n")
    office.open()
    assert office.app.letters.counts()["waiting"] == 0


@pytest.mark.parametrize("name", ["lines.jsonl", "lines.txt", "one.json"])
def test_a_byte_order_mark_is_no_part_of_a_payload(tmp_path: Path, name: str) -> None:
    begun, done = story(ADA)
    content = begun.replace(b"{", b"{\n", 1) if name == "one.json" else lines(begun, done)
    (path := tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content)
    with path.open("rb") as raw:
        for payload in payloads_in(path, raw):
            assert json.loads(payload)


def test_standard_input_may_be_one_document_or_packed(office: Installation) -> None:
    office.app.close()
    begun, done = story(ADA)
    one = json.dumps(json.loads(begun), indent=2).encode()
    for piped, letters in ((one, 1), (gzip.compress(lines(begun, done)), 2)):
        code, said, _ = run(office.folder, "-", "--source", "adobe", stdin=piped)
        assert (code, said["letters"], said["set_aside"]) == (0, letters, 0)
    office.open()


def test_a_payload_without_an_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.incoming.archive_import.LONGEST_PAYLOAD", 10)
    for name, content in (("a.jsonl", b"[1]\n" + b"1" * 11), ("b.json", b"[\n" + b"1" * 11)):
        (path := tmp_path / name).write_bytes(content)
        with path.open("rb") as raw, pytest.raises(UnreadableArchive, match=name):
            list(payloads_in(path, raw))


def test_a_running_service_takes_them_and_its_own_letters_go_on(tmp_path: Path) -> None:
    with RealService(tmp_path, DONE) as service:
        (tmp_path / "gap.jsonl").write_bytes(lines(*(p for n in range(2_000) for p in story(n))))

        told = service.command("letters", "import", "gap.jsonl", "--source", "adobe")
        service.post(completed(START, 9_999))
        until(lambda: service.get("/api/v1/notifications")["items"], "the live one is decided")

        assert told.returncode == 0, told.stderr
        assert "4,000 letters" in told.stdout and "4,000 recorded" in told.stdout
        items = service.get("/api/v1/notifications?limit=500")["items"]
        assert [each["rule"] for each in items] == ["done"]
        assert service.get("/api/v1/feeds")["items"][0]["letters"] == 1
