"""The drawer holds the real message, once, where its owner alone can read it."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from service.sending.channels import open_channel
from service.sending.templates.templates import RenderedMessage


def test_mail_for_a_person_is_a_readable_eml(outgoing: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "drawer"
    drawer = open_channel("email", "drawer://", drawer=folder)
    assert drawer.form == "any"
    assert drawer.send(outgoing(address="o'brien@example.org")).kind == "accepted"
    (file,) = folder.iterdir()
    assert file.name == "018f-ada-email.eml"
    read = message_from_bytes(file.read_bytes(), policy=default)
    assert read["To"].addresses[0].addr_spec == "o'brien@example.org"
    assert read["Subject"] == "Completed: Logic"


def test_a_message_to_a_room_is_text(outgoing: Any, tmp_path: Path) -> None:
    drawer = open_channel("ops", "drawer://", drawer=tmp_path)
    drawer.send(outgoing(address=None, message=RenderedMessage("Free", "One seat.\n", None)))
    drawer.send(
        outgoing(address=None, notification="n2", message=RenderedMessage("", "One.\n", None))
    )
    texts = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert texts == {"018f-ada-ops.txt": "Free\n\nOne seat.\n", "n2-ops.txt": "One.\n"}


def test_sending_twice_leaves_one_file(outgoing: Any, tmp_path: Path) -> None:
    drawer = open_channel("email", "drawer://", drawer=tmp_path)
    for _ in range(2):
        drawer.send(outgoing())
    assert len(list(tmp_path.iterdir())) == 1


def test_nobody_else_may_read_it(outgoing: Any, tmp_path: Path) -> None:
    folder = tmp_path / "drawer"
    open_channel("email", "drawer://", drawer=folder).send(outgoing())
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_an_id_cannot_lead_out_of_the_drawer(outgoing: Any, tmp_path: Path) -> None:
    folder = tmp_path / "drawer"
    drawer = open_channel("../e", "drawer://", drawer=folder)
    drawer.send(outgoing(notification="../../etc/passwd"))
    assert [path.name for path in tmp_path.iterdir()] == ["drawer"]


def test_an_address_that_is_none_is_refused_here_too(outgoing: Any, tmp_path: Path) -> None:
    outcome = open_channel("email", "drawer://", drawer=tmp_path).send(outgoing(address="a@b,c@d"))
    assert (outcome.kind, outcome.status) == ("permanent", "5.1.3")


def test_a_folder_that_cannot_be_is_transient(outgoing: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = open_channel("e", "drawer://", drawer=tmp_path / "file" / "drawer").send(outgoing())
    assert outcome.kind == "transient"
    assert str(tmp_path) not in outcome.text
