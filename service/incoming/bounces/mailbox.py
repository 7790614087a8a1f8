"""Read bounces from a mailbox by IMAP (RFC 3501), and mark those it has read as seen."""

import imaplib
import logging
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from service.incoming.bounces.dsn import LARGEST_BYTES, reports_in
from service.incoming.bounces.report import BounceReport, ReportRefused

SECONDS = 20.0
"""How long one reply may take."""
AT_A_TIME = 100
TLS_PORT = 993
"""RFC 8314 §3.2."""
REPORT = re.compile(rb"(?im)^content-type:\s*multipart/report\b")
LOOK = "look at COURSEBELL_BOUNCES_IMAP_URL"

log = logging.getLogger(__name__)

Hear = Callable[[Sequence[BounceReport]], object]


class MailboxTrouble(Exception):
    """Say why the mailbox cannot be read just now and what to do; no secret is in it."""


class BounceMailbox:
    """Read one mailbox again and again; what is no report stays unseen, for people to read."""

    def __init__(self, url: str) -> None:
        """Take `imaps://user:password@host:port/box`, percent-encoded."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or TLS_PORT
        user = unquote(parts.username or "").replace("\\", r"\\").replace('"', r"\"")
        self._login = f'"{user}"', unquote(parts.password or "")
        self._box = unquote(parts.path.removeprefix("/") or "INBOX")
        self._validity: Any = None
        self._after = 0

    def read(self, hear: Hear) -> int:
        """Hand on what new mails report, some at a time; return how many mails were looked at.

        A report is marked only once it was heard. Raises MailboxTrouble, and whatever `hear` does.
        """
        try:
            box = imaplib.IMAP4_SSL(
                self._host, self._port, ssl_context=ssl.create_default_context(), timeout=SECONDS
            )
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxTrouble(f"no connection ({type(error).__name__}); {LOOK}") from None
        try:
            self._open(box)
            found = self._unseen(box)
            for uid in found:
                self._look_at(box, uid, hear)
                self._after = max(self._after, int(uid))
            return len(found)
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxTrouble(f"it ended early ({type(error).__name__}); {LOOK}") from None
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                box.logout()
            with suppress(OSError):
                box.shutdown()  # where it ended early, nobody has

    def _open(self, box: imaplib.IMAP4) -> None:
        """Log in and choose the mailbox; begin anew where it has been made anew (§2.3.1.1)."""
        try:
            box.login(*self._login)  # only the password is quoted by the library
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise MailboxTrouble(f"user and password are refused; {LOOK}") from None
        said, _ = box.select(f'"{self._box}"')
        if said != "OK":
            raise MailboxTrouble(f"there is no such mailbox; {LOOK}")
        _, validity = box.response("UIDVALIDITY")
        if validity != self._validity:
            self._validity, self._after = validity, 0

    def _unseen(self, box: imaplib.IMAP4) -> list[str]:
        found = _done(box.uid("SEARCH", "UNSEEN", "UID", f"{self._after + 1}:*"))
        numbers = b" ".join(filter(None, found)).split()
        # `n:*` names the last one, too, when it is before n.
        new = sorted(int(each) for each in numbers if each.isdigit() and int(each) > self._after)
        return [str(uid) for uid in new[:AT_A_TIME]]

    def _look_at(self, box: imaplib.IMAP4, uid: str, hear: Hear) -> None:
        """Hear one mail; what the server cannot give, or nobody can read, holds up no other."""
        said, found = box.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST_BYTES}>)")
        if said != "OK":
            _unread("the server does not give it")
        mail = _literal(found)
        if not REPORT.search(mail.partition(b"\r\n\r\n")[0]):
            return
        try:
            hear(reports_in(mail))
        except ReportRefused as refused:
            _unread(str(refused))
        box.uid("STORE", uid, "+FLAGS", r"(\Seen)")


def _literal(found: Sequence[Any]) -> bytes:
    """Give the mail in an answer: behind what changed elsewhere; none, if it is gone."""
    for each in found:
        match each:
            case (_, mail):
                return bytes(mail)
    return b""


def _unread(why: str) -> None:
    about = {"event": "bounces.unread", "source": "bounces/imap"}
    log.warning("a mail in the mailbox of bounces is not read: %s", why, extra=about)


def _done(reply: tuple[str, list[Any]]) -> list[Any]:
    """Give what a command answered; raise IMAP4.error unless it was done."""
    said, found = reply
    if said != "OK":
        raise imaplib.IMAP4.error("refused")
    return found
