"""Watch links: an address by which one person can ask to be told of one instance.

Whoever has the link may ask and stop for that person, so it stands only in what they alone get.
It ends when the key changes.
"""

import base64
import hmac
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from service.ledger.keys import secret_key

PURPOSE = b"w1"
"""What a token is for, and its form: a key may sign other things, and none of them is a watch."""
PATH = "/watch/"
ID_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{88}")
INSTANCE = "i"


def watch_links(data: Path, public_url: str | None, secret: str | None) -> "WatchLinks | None":
    """What makes links; None without a public address. Raises LedgerError for want of a key."""
    return WatchLinks(secret_key(data, secret), public_url) if public_url else None


class Invitation(NamedTuple):
    """What a token stands for: a person's id and an instance's stream."""

    person: str
    instance: str


class WatchLinks:
    """Makes links and reads the tokens in them."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def __call__(self, person: str, instance: str) -> str:
        """The link for a person and an instance's stream."""
        return f"{self._public_url}{PATH}{self.token(person, instance)}"

    def token(self, person: str, instance: str) -> str:
        """The token for a person and an instance's stream."""
        said = PURPOSE + bytes.fromhex(person) + bytes.fromhex(instance.removeprefix(INSTANCE))
        return base64.urlsafe_b64encode(said + self._signature(said)).decode()

    def read(self, token: str) -> Invitation | None:
        """What a token stands for; None when it was not made with this key for this purpose."""
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
