"""Keep messages as readable files instead of sending them, and read them back."""

import re
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple

from service.learners.feed_subjects import DISK
from service.ledger.private_files import private_folder, replace_private_file
from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.channels.mime import AddressRefused, Mailbox, Sender, mail_bytes, mailbox
from service.sending.templates.templates import RenderedMessage

SENDER = Sender(None, Mailbox("coursebell", "localhost"))
UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class DrawerChannel:
    """Put mail for a person into `.eml` and a message to a room into `.txt`.

    A file is named after its notification, whose id begins with a time: a folder sorts by age,
    and sending twice leaves one file.
    """

    form = "any"
    batch = 50
    domain: str | None = None
    replies = False

    def __init__(self, name: str, folder: Path) -> None:
        self._name = UNSAFE.sub("_", name)
        self._folder = folder

    def fits(self, message: RenderedMessage) -> bool:
        """Take words of any length."""
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Write the file; a full or read-only disk is transient."""
        try:
            suffix, content = self._content(outgoing)
        except AddressRefused as refused:
            return SendResult("permanent", status="5.1.3", text=f"address: {refused}")
        try:
            private_folder(self._folder)
            name = f"{UNSAFE.sub('_', outgoing.notification)}-{self._name}.{suffix}"
            replace_private_file(self._folder / name, content)
        except OSError as error:
            text = f"drawer: {error.strerror}"
            return SendResult("transient", text=text, about_channel=True, where=DISK)
        return SendResult("accepted", 250)

    def close(self) -> None:
        """Let go of nothing: no file is kept open."""

    def _content(self, outgoing: OutgoingMessage) -> tuple[str, bytes]:
        if outgoing.address is not None:
            return "eml", mail_bytes(outgoing, mailbox(outgoing.address), SENDER)
        subject, text = outgoing.message.subject, outgoing.message.text
        return "txt", (f"{subject}\n\n{text}" if subject else text).encode("utf-8", "replace")


class DrawerMessage(NamedTuple):
    """Hold a message as its reader sees it.

    `to` is a name or else an address; `address` is None for a room.
    """

    to: str
    address: str | None
    subject: str
    text: str


def read_message(folder: Path, notification: str, room: str) -> DrawerMessage:
    """Read back what a notification left as; `room` is what to call a room it was for."""
    (path,) = folder.glob(f"{notification}-*")
    if path.suffix == ".txt":
        subject, _, text = path.read_text(encoding="utf-8").partition("\n\n")
        return DrawerMessage(to=room, address=None, subject=subject, text=text)
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    name, address = parseaddr(str(mail["To"]))
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return DrawerMessage(name or address, address, subject=str(mail["Subject"]), text=text)
