"""Sign the links by which one person can ask and choose without a password.

Whoever has such a link may do so for that person, so it stands only in what they alone get.
It ends when the key changes.
"""

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, NamedTuple

from service.learners.directory.people_table import Person, address_key
from service.ledger.private_files import private_folder
from service.ledger.store import LedgerError

ID_BYTES = 16
INSTANCE = "i"
ADDRESS_BYTES = 10
LONGEST_TOKEN = 200
KEY_FILE = "secret.key"
KEY_BYTES = 32


class SignedLinks:
    """Make links and read the tokens in them.

    `PURPOSE` says what a token is for, and its form: a key signs several things, and none of them
    is good for another. `PATH` is where the links lead.
    """

    PURPOSE: ClassVar[bytes]
    PATH: ClassVar[str]

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def _link(self, token: str) -> str:
        return f"{self._public_url}{self.PATH}{token}"

    def _token(self, what: bytes) -> str:
        said = self.PURPOSE + what
        return base64.urlsafe_b64encode(said + self._signature(said)).decode().rstrip("=")

    def _said(self, token: str) -> bytes | None:
        """Read what a token says; None when it was not made with this key for this purpose."""
        if len(token) > LONGEST_TOKEN or not token.isascii() or "=" in token:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        said, signature = raw[: -sha256().digest_size], raw[-sha256().digest_size :]
        if not hmac.compare_digest(signature, self._signature(said)):
            return None
        return said.removeprefix(self.PURPOSE) if said.startswith(self.PURPOSE) else None

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


class Invitation(NamedTuple):
    """Say what a token stands for: a person's id and an instance's stream."""

    person: str
    instance: str


class WatchLinks(SignedLinks):
    """Let a person ask to be told of one instance."""

    PURPOSE = b"w1"
    PATH = "/watch/"

    def __call__(self, person: str, instance: str) -> str:
        """Give the link for a person and an instance's stream."""
        return self._link(self.token(person, instance))

    def token(self, person: str, instance: str) -> str:
        """Give the token for a person and an instance's stream."""
        return self._token(bytes.fromhex(person) + bytes.fromhex(instance.removeprefix(INSTANCE)))

    def read(self, token: str) -> Invitation | None:
        """Read a token; None when it was not made with this key for this purpose."""
        ids = self._said(token)
        if ids is None or len(ids) != 2 * ID_BYTES:
            return None
        return Invitation(ids[:ID_BYTES].hex(), INSTANCE + ids[ID_BYTES:].hex())


class ReaderToken(NamedTuple):
    """Say whose link it is: a person's id, and what their address of then is known again by."""

    person: str
    address: bytes


class ChoiceLinks(SignedLinks):
    """Let a person choose what they are told, as long as they have the address it was sent to."""

    PURPOSE = b"c1"
    PATH = "/choices/"

    def __call__(self, person: str, address: str) -> str:
        """Give the link for a person who is written to at an address."""
        return self._link(self.token(person, address))

    def token(self, person: str, address: str) -> str:
        """Give the token for a person who is written to at an address."""
        return self._token(bytes.fromhex(person) + self._mark(address))

    def read(self, token: str) -> ReaderToken | None:
        """Read a token; None when it was not made with this key for this purpose."""
        said = self._said(token)
        if said is None or len(said) != ID_BYTES + ADDRESS_BYTES:
            return None
        return ReaderToken(said[:ID_BYTES].hex(), said[ID_BYTES:])

    def is_of(self, token: ReaderToken, address: str | None) -> bool:
        """Tell whether a link was sent to this address, in whatever spelling."""
        return bool(address) and hmac.compare_digest(self._mark(address or ""), token.address)

    def _mark(self, address: str) -> bytes:
        return self._signature(b"address" + address_key(address).encode())[:ADDRESS_BYTES]


class Links(NamedTuple):
    """Hold what makes the links that stand in messages."""

    watch: WatchLinks
    choices: ChoiceLinks

    def choose(self, reader: Person | None) -> str | None:
        """Give the link by which a reader chooses what they are told; None without an address."""
        return self.choices(reader.id, reader.email) if reader and reader.email else None

    def stop(self, reader: Person | None, rules: Iterable[str]) -> str | None:
        """Give the link by which a reader stops these rules at once; None where nothing can be."""
        url, named = self.choose(reader), "&".join(f"stop={rule}" for rule in rules)
        return f"{url}?{named}" if url and named else None


def signed_links(data: Path, public_url: str | None, secret: str | None) -> Links | None:
    """Make what signs links; None without a public address.

    Raises LedgerError for want of a key.
    """
    if not public_url:
        return None
    key = secret_key(data, secret)
    return Links(WatchLinks(key, public_url), ChoiceLinks(key, public_url))


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
