"""Sign the links by which one person can ask to be told of one instance.

Whoever has the link may ask and stop for that person, so it stands only in what they alone get.
It ends when the key changes.
"""

import base64
import hmac
import os
import re
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from service.ledger.ledger import LedgerError
from service.ledger.private_files import private_folder

PURPOSE = b"w1"
"""What a token is for, and its form: a key may sign other things, and none of them is a watch."""
PATH = "/watch/"
ID_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{88}")
INSTANCE = "i"
KEY_FILE = "secret.key"
KEY_BYTES = 32


def watch_links(data: Path, public_url: str | None, secret: str | None) -> "WatchLinks | None":
    """Make what signs links; None without a public address.

    Raises LedgerError for want of a key.
    """
    return WatchLinks(secret_key(data, secret), public_url) if public_url else None


class Invitation(NamedTuple):
    """Say what a token stands for: a person's id and an instance's stream."""

    person: str
    instance: str


class WatchLinks:
    """Make links and read the tokens in them."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def __call__(self, person: str, instance: str) -> str:
        """Give the link for a person and an instance's stream."""
        return f"{self._public_url}{PATH}{self.token(person, instance)}"

    def token(self, person: str, instance: str) -> str:
        """Give the token for a person and an instance's stream."""
        said = PURPOSE + bytes.fromhex(person) + bytes.fromhex(instance.removeprefix(INSTANCE))
        return base64.urlsafe_b64encode(said + self._signature(said)).decode()

    def read(self, token: str) -> Invitation | None:
        """Read a token; None when it was not made with this key for this purpose."""
        if not TOKEN.fullmatch(token):
            return None
        raw = base64.urlsafe_b64decode(token)
        said, signature = raw[: -sha256().digest_size], raw[-sha256().digest_size :]
        if not hmac.compare_digest(signature, self._signature(said)):
            return None
        ids = said.removeprefix(PURPOSE)
        if len(ids) != 2 * ID_BYTES:
            return None
        return Invitation(ids[:ID_BYTES].hex(), INSTANCE + ids[ID_BYTES:].hex())

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


def secret_key(data: Path, given: str | None) -> bytes:
    """Give the key that was given, or else the data folder's own, made if there is none.

    Of two processes that make it at once, both get the same. Raises LedgerError when the file
    cannot be made or is not what was made.
    """
    if given is not None:
        return given.encode()
    path = data / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise LedgerError(
            f"{path}: expected a file that can be made and read, got {error.strerror}; "
            "set COURSEBELL_SECRET_KEY or mend the folder"
        ) from error
    if len(key) != KEY_BYTES:
        raise LedgerError(
            f"{path}: expected {KEY_BYTES} bytes, got {len(key)}; restore it from a backup, or "
            "take it away: the links of earlier messages are of no use then"
        )
    return key


def _make(path: Path) -> None:
    """Write the whole file under another name first, so that nobody reads half a key."""
    private_folder(path.parent)
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(file, "wb") as opened:
            opened.write(secrets.token_bytes(KEY_BYTES))
            opened.flush()
            os.fsync(file)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
