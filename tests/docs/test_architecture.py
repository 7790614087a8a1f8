"""docs/architecture.md: its picture, its files, and the path that a letter really takes."""

import re
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from starlette.testclient import TestClient

from service.api import AsgiApplication
from service.incoming.group_commit import GroupCommit
from tests.docs.picture import PICTURE, SOURCE, picture
from tests.installation import ADA, DONE, ROOT, START, Installation, body, completed
from tests.smtp_sink import SmtpSink

SERVICE = ROOT / "service"
PAGE = (ROOT / "docs/architecture.md").read_text()
LINKS = re.findall(r"\[`?([^\]`]+)`?\]\(([^)]+)\)", PAGE)
AT_MOST = 40


def test_every_link_leads_to_what_it_names() -> None:
    assert [to for _, to in LINKS if not (ROOT / "docs" / to).exists()] == []
    files = [(name, to) for name, to in LINKS if name.endswith(".py")]
    assert [each for each in files if not each[1].endswith(f"/{each[0]}")] == []


def test_every_folder_and_file_it_mentions_is_there() -> None:
    named = re.findall(r"`(\w[\w/.]*(?:/|\.py))`", PAGE)
    assert named
    ours = [*SERVICE.rglob("*"), *(ROOT / "tests").rglob("*")]
    disk = [f"{path}/" if path.is_dir() else str(path) for path in ours]
    assert [each for each in named if not any(on.endswith(f"/{each}") for on in disk)] == []


def test_the_picture_is_what_its_text_makes() -> None:
    assert PICTURE.read_text() == picture(SOURCE.read_text()), "run `make docs`"


def test_the_order_of_imports_is_the_one_that_is_checked() -> None:
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (each["layers"] for each in linted["contracts"] if each["type"] == "layers")
    assert f"\n{' > '.join(layers)}\n" in PAGE


def test_every_promise_is_there() -> None:
    promises = (ROOT / "README.md").read_text().split("## The promises")[1].split("\n## ")[0]
    numbers = re.findall(r"(?m)^(\d)\. ", promises)
    assert numbers == re.findall(r"(?m)^\| (\d)\. ", PAGE)


def test_the_path_is_the_one_that_a_letter_takes(tmp_path: Path) -> None:
    path = PAGE.split("<!-- path -->")[1].split("<!-- /path -->")[0]
    listed = {name for name, _ in re.findall(r"\[`([^`]+)`\]\(([^)]+)\)", path)}
    assert listed == passed_by_a_letter(tmp_path)
    assert len(listed) <= AT_MOST
    assert f"passes {len(listed)} files" in PAGE


def passed_by_a_letter(folder: Path) -> set[str]:
    """The files of which a function runs, from the body of a webhook until it is mail."""
    headers = {"content-type": "application/json"}
    opened = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}
    with SmtpSink() as sink, Installation(folder, DONE, email=sink.url, **opened) as here:
        here.import_people([ADA])
        app = here.app
        with watched() as seen, closing(GroupCommit(app.letters)) as group_commit:
            site = AsgiApplication(app, None, group_commit, lambda: START)
            client = TestClient(site, base_url="http://localhost", client=("127.0.0.1", 50000))
            seen.clear()
            letter = body(completed(START, 77))
            assert client.post("/webhooks/adobe", content=letter, headers=headers).is_success
            app.take(START)
            app.views.catch_up()
            app.deliver(START)
        assert len(sink.wait_for(1)) == 1
    return seen


@contextmanager
def watched() -> Iterator[set[str]]:
    """Note every file of the service whose functions run meanwhile, on whatever thread."""
    seen: set[str] = set()

    def note(frame: FrameType, what: str, _: object) -> None:
        file = Path(frame.f_code.co_filename)
        if what == "call" and file.is_relative_to(SERVICE):
            seen.add(str(file.relative_to(SERVICE)))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
