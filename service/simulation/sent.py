"""The drawer, read: each message as the one it is for would see it."""

from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple


class Drawn(NamedTuple):
    """One message: `to` is a name or else an address, `address` is None for a room."""

    to: str
    address: str | None
    subject: str
    text: str


def drawn(drawer: Path, notification: str, room: str) -> Drawn:
    """The message a notification left as; `room` is what to call a room it was for."""
    (path,) = drawer.glob(f"{notification}-*")
    if path.suffix == ".txt":
        subject, _, text = path.read_text(encoding="utf-8").partition("\n\n")
        return Drawn(room, None, subject, text)
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    name, address = parseaddr(str(mail["To"]))
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return Drawn(name or address, address, str(mail["Subject"]), text)
