"""The rule file and the templates are read when they have changed and nobody writes to them."""

import os
import shutil

import pytest

from service.app import active_rules
from service.app.active_rules import FileWatch, Refused
from service.app.app import SOURCES, settings_of
from tests.installation import DONE, ROOT

HEAD = "version: 1\nchannels:\n  email: drawer://\nrules:\n"


class Desk:
    """A rule file and templates, watched by a clock we own."""

    def __init__(self, folder, rules, templates) -> None:
        self.rules, self.templates = rules, templates
        self.rules.write_text(HEAD + DONE)
        given = {"DATA": folder / "data", "RULES": rules, "TEMPLATES": templates}
        settings = settings_of({f"COURSEBELL_{name}": str(path) for name, path in given.items()})
        self.watch = FileWatch(settings)
        self.moment = 1_000.0
        self.restless = False

    def looked(self, seconds: float = 1.0) -> bool:
        """Look so much later; whether the files were to be read, and were."""
        self.moment += seconds
        self.watch.look(self.moment)
        assert not self.watch.restless(self.moment) or self.restless
        if self.watch.changed and self.watch.stand_still(self.moment):
            return self.watch.read(SOURCES) is not None
        return False


@pytest.fixture
def desk(tmp_path):
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    desk = Desk(tmp_path, tmp_path / "rules.yaml", tmp_path / "templates")
    assert [desk.looked(), desk.looked(), desk.looked()] == [False, True, False]
    return desk


def test_a_file_that_grows_is_read_when_it_has_stood_still_for_a_second(desk):
    text = HEAD + DONE + DONE.replace("id: done", "id: again")
    for end in range(len(HEAD + DONE), len(text), 20):
        desk.rules.write_text(text[:end])
        assert not desk.looked(0.9)
    desk.rules.write_text(text)
    assert [desk.looked(), desk.looked(0.5), desk.looked(0.5), desk.looked()] == [
        False, False, True, False,
    ]  # fmt: skip


def test_content_counts_where_time_and_size_say_nothing(desk):
    before = desk.rules.stat()
    desk.rules.write_text((HEAD + DONE).replace("id: done", "id: gone"))
    os.utime(desk.rules, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [desk.looked(), desk.looked()] == [False, True]


def test_a_file_that_is_away_for_a_moment_is_not_missed(desk):
    desk.rules.rename(desk.rules.with_suffix(".old"))
    assert not desk.looked()
    desk.rules.with_suffix(".old").rename(desk.rules)

    assert [desk.looked(), desk.looked(), desk.looked()] == [False, False, False]


def test_a_file_that_stays_away_is_told_of(desk):
    desk.rules.unlink()
    assert not desk.looked()
    with pytest.raises(OSError, match="No such file"):
        desk.looked()
    assert not desk.looked(), "once is enough"


def test_what_is_written_to_while_it_is_read_is_not_taken(desk, monkeypatch):
    whole = active_rules.read_active

    def meanwhile(settings, sources):
        monkeypatch.undo()
        desk.rules.write_text(HEAD + DONE + "# more\n")
        return whole(settings, sources)

    desk.rules.write_text(HEAD + DONE + "# mor")
    desk.looked()
    monkeypatch.setattr(active_rules, "read_active", meanwhile)

    assert [desk.looked(), desk.looked(), desk.looked()] == [False, False, True]


def test_a_template_that_is_written_is_read_when_it_is_whole(desk):
    body = desk.templates / "completed/email/body.txt"
    whole = body.read_text()
    body.write_text("")
    assert not desk.looked()
    body.write_text(whole + "Well done.\n")

    assert [desk.looked(), desk.looked()] == [False, True]


def test_what_an_editor_keeps_beside_its_file_is_no_change(desk):
    (desk.templates / "completed/email/.body.txt.swp").write_text("half")

    assert [desk.looked(), desk.looked()] == [False, False]


def test_a_bad_file_is_refused_once(desk):
    desk.rules.write_text(HEAD + DONE.replace("notify", "notfy"))
    desk.looked()
    with pytest.raises(Refused, match="notfy"):
        desk.looked()
    assert not desk.looked()


def test_what_is_no_file_is_refused_and_not_waited_for(desk):
    """Opening a pipe waits for a writer, and a device has no end."""
    for made in (os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)):
        desk.rules.unlink()
        made(desk.rules)
        desk.looked()
        with pytest.raises(Refused, match=r"rules\.yaml: expected a file"):
            desk.looked()
        (desk.rules.rmdir if desk.rules.is_dir() else desk.rules.unlink)()
        desk.rules.write_text(HEAD + DONE)
        assert [desk.looked(), desk.looked()] == [False, True]


def test_a_mounted_folder_that_is_swapped_is_read_whole(tmp_path):
    """As Kubernetes does with a ConfigMap: all is linked through `..data`, which is replaced."""
    mount, rules = tmp_path / "mount", tmp_path / "rules.yaml"
    for version in ("..one", "..two"):
        shutil.copytree(ROOT / "templates", mount / version)
    (mount / "..data").symlink_to("..one")
    for template in (mount / "..one").iterdir():
        (mount / template.name).symlink_to(f"..data/{template.name}")
    desk = Desk(tmp_path, rules, mount)
    assert [desk.looked(), desk.looked(), desk.looked()] == [False, True, False]

    (mount / "..two/completed/email/subject.txt").write_text("Done")
    (mount / "..new").symlink_to("..two")
    (mount / "..new").rename(mount / "..data")

    assert [desk.looked(), desk.looked(), desk.looked()] == [False, True, False]


def test_files_that_never_stand_still_are_told_of_after_a_minute(desk):
    for second in range(60):
        desk.rules.write_text(HEAD + DONE + f"# {second}\n")
        assert not desk.looked()
    desk.restless = True
    desk.rules.write_text(HEAD + DONE)
    desk.looked()
    assert desk.watch.restless(desk.moment)


def test_what_was_read_at_the_start_is_not_read_again(desk):
    settings = desk.watch._settings
    desk.watch = FileWatch(settings, active_rules.state_of_files(settings))
    assert [desk.looked(), desk.looked()] == [False, False]
    desk.rules.write_text(HEAD + DONE.replace("id: done", "id: gone"))
    assert [desk.looked(), desk.looked()] == [False, True]
