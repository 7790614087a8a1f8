"""The secret key: what links are signed with, made once for a data folder if none is given."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from service.ledger.ledger import LedgerError

NAME = "secret.key"
BYTES = 32


def secret_key(data: Path, given: str | None) -> bytes:
    """The key that was given, or else the data folder's own, made if there is none.

    Of two processes that make it at once, both get the same. Raises LedgerError when the file
    cannot be made or is not what was made.
    """
    if given is not None:
        return given.encode()
    path = data / NAME
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise LedgerError(
            f"{path}: expected a file that can be made and read, got {error.strerror}; "
            "set COURSEBELL_SECRET_KEY or mend the folder"
        ) from error
    if len(key) != BYTES:
        raise LedgerError(
            f"{path}: expected {BYTES} bytes, got {len(key)}; restore it from a backup, or take "
            "it away: the links of earlier messages are of no use then"
        )
    return key


def _make(path: Path) -> None:
    """Writes the whole file under another name first, so that nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{NAME}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(file, "wb") as opened:
            opened.write(secrets.token_bytes(BYTES))
            opened.flush()
            os.fsync(file)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
