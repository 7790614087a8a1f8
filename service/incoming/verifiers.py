"""Verify that a letter is from who it says; each scheme is one pure class."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import ClassVar, Literal, Protocol
from urllib.parse import urlsplit

Headers = Mapping[bytes, bytes]
"""Header values by lower-case name."""

TOLERANCE_SECONDS = 5 * 60
LONGEST_CREDENTIAL = 8192
SHA256_BYTES = 32


class SenderVerifier(Protocol):
    """Verify a sender in one way."""

    challenge: str

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether it is the sender; `now` in ms. Never raises, and its time tells nothing."""
        ...


class BasicCredentials:
    """Ask for user name and password (RFC 7617, UTF-8); several while one replaces another."""

    challenge = 'Basic realm="Coursebell", charset="UTF-8"'

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._expected = [f"{name}:{password}".encode() for name, password in pairs]

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether `Authorization` names one of the pairs."""
        given = _decoded(_after(headers.get(b"authorization", b""), b"basic"))
        return given is not None and _is_one_of(given, self._expected)


class BearerToken:
    """Ask for a token in `Authorization` (RFC 6750); several while one replaces another."""

    challenge = "Bearer"

    def __init__(self, *tokens: str) -> None:
        self._expected = [token.encode() for token in tokens if token]

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether `Authorization` carries one of the tokens."""
        given = _after(headers.get(b"authorization", b""), b"bearer")
        return given is not None and _is_one_of(given, self._expected)


class HmacSignature:
    """Ask for a signature over the body in a header of any name.

    Adobe documents neither name nor algorithm, so all of it is configuration; `prefix` is
    what stands before the signature (`sha256=`).
    """

    challenge = ""
    ALGORITHMS: ClassVar[tuple[str, ...]] = ("sha256", "sha384", "sha512", "sha1")

    def __init__(
        self,
        header: str,
        secrets: Sequence[str | bytes],
        *,
        algorithm: str = "sha256",
        encoding: Literal["hex", "base64"] = "hex",
        prefix: str = "",
    ) -> None:
        """Take the sender's settings; raises ValueError for an unknown algorithm or encoding."""
        if algorithm not in self.ALGORITHMS or encoding not in ("hex", "base64"):
            raise ValueError(
                f"HMAC: expected one of {', '.join(self.ALGORITHMS)} in hex or base64, "
                f"got {algorithm!r} in {encoding!r}"
            )
        self._header = header.lower().encode("latin-1")
        self._secrets = [s.encode() if isinstance(s, str) else s for s in secrets if s]
        self._algorithm = algorithm
        self._encoding = encoding
        self._prefix = prefix.encode()

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether the header holds the body's signature by one of the secrets."""
        found = self._signature(headers)
        expected = [hmac.digest(secret, body, self._algorithm) for secret in self._secrets]
        return found is not None and _is_one_of(found, expected)

    def is_signed(self, headers: Headers, now: int) -> bool:
        """Tell whether the header holds a signature at all, of anybody's."""
        found = self._signature(headers)
        return found is not None and len(found) == hashlib.new(self._algorithm).digest_size

    def _signature(self, headers: Headers) -> bytes | None:
        given = headers.get(self._header, b"").strip()
        if not given.startswith(self._prefix) or len(given) > LONGEST_CREDENTIAL:
            return None
        signature = given[len(self._prefix) :].strip()
        return _unhexed(signature) if self._encoding == "hex" else _decoded(signature)


class StandardWebhooks:
    """Ask for `webhook-id`, `webhook-timestamp`, `webhook-signature` (Standard Webhooks 1.0)."""

    challenge = ""

    def __init__(
        self, secrets: Sequence[str], *, tolerance_seconds: int = TOLERANCE_SECONDS
    ) -> None:
        """Take secrets as the sender shows them, `whsec_` and base64; else raises ValueError."""
        self._tolerance_ms = tolerance_seconds * 1000
        self._secrets = []
        for secret in secrets:
            key = _decoded(secret.removeprefix("whsec_").encode())
            if not key:
                raise ValueError("Standard Webhooks: expected a secret like whsec_<base64>")
            self._secrets.append(key)

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether one of the signatures fits and was made within the tolerance."""
        if not self.is_signed(headers, now):
            return False
        signed = b".".join((headers[b"webhook-id"], headers[b"webhook-timestamp"], body))
        expected = [hmac.digest(secret, signed, "sha256") for secret in self._secrets]
        fits = [_is_one_of(found, expected) for found in _signatures(headers)]
        return any(fits)

    def is_signed(self, headers: Headers, now: int) -> bool:
        """Tell whether there is a signature of anybody's, made within the tolerance."""
        stamp = headers.get(b"webhook-timestamp", b"")
        if not headers.get(b"webhook-id") or not stamp.isdigit() or len(stamp) > 12:
            return False
        in_time = abs(int(stamp) * 1000 - now) <= self._tolerance_ms
        return in_time and bool(_signatures(headers))


Signed = HmacSignature | StandardWebhooks
"""The schemes that need the body."""


class Authenticator:
    """Try all the ways into one source: one is enough, and without any it is closed or open."""

    def __init__(self, *verifiers: SenderVerifier, is_open: bool = False) -> None:
        """Part schemes that need no body from those that do: they are asked before it is read.

        A source that is open lets everybody in: it was opened on purpose.
        """
        self.is_open = is_open
        self._early = [v for v in verifiers if not isinstance(v, Signed)]
        self._late = [v for v in verifiers if isinstance(v, Signed)]
        self.challenge = next((v.challenge for v in verifiers if v.challenge), "")

    def admits_early(self, headers: Headers, now: int) -> bool | None:
        """Decide by the headers; None when the body must be read to know."""
        if self.is_open or any(v.verify(headers, b"", now) for v in self._early):
            return True
        return None if any(v.is_signed(headers, now) for v in self._late) else False

    def admits(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether a signature fits, once the body is here."""
        return any(v.verify(headers, body, now) for v in self._late)


def _signatures(headers: Headers) -> list[bytes]:
    given = headers.get(b"webhook-signature", b"")
    if len(given) > LONGEST_CREDENTIAL:
        return []
    decoded = (_decoded(one[3:]) for one in given.split() if one.startswith(b"v1,"))
    return [one for one in decoded if one is not None and len(one) == SHA256_BYTES]


def _after(header: bytes, scheme: bytes) -> bytes | None:
    """Take the credential after a scheme's name, whose capitals do not count."""
    found, _, credential = header.strip().partition(b" ")
    if found.lower() != scheme or not credential.strip() or len(header) > LONGEST_CREDENTIAL:
        return None
    return credential.strip()


def _decoded(text: bytes | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _unhexed(text: bytes) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        return None


def _is_one_of(given: bytes, expected: Sequence[bytes]) -> bool:
    """Compare with all of them, so that time does not tell which one was near."""
    fits = [hmac.compare_digest(given, one) for one in expected]
    return any(fits)


LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OF_NO_OTHER_SITE = frozenset({"same-origin", "none"})
"""What a browser calls a request of our own page, or of the person (Fetch Metadata, 2.3)."""

HeaderLines = Sequence[tuple[bytes, bytes]]
IsOwnName = Callable[[str | None], bool]


def is_of_another_page(headers: HeaderLines, is_own_name: IsOwnName) -> bool:
    """Say whether a browser tells of another page, or asks for a name that is not our own.

    Such a page reaches what listens on the person's own machine or behind their firewall, so
    nothing else gives it away. It can make a name of its own lead here, and is then of one
    origin with this service (DNS rebinding). Whoever sends no Host is no browser.
    """
    hosts = values(headers, b"host")
    origins = {origin.partition("://")[2] for origin in values(headers, b"origin")}
    sites = values(headers, b"sec-fetch-site")
    return not (
        all(is_own_name(hostname(host)) for host in hosts)
        and origins <= set(hosts)
        and OF_NO_OTHER_SITE.issuperset(sites)
    )


def values(headers: HeaderLines, wanted: bytes) -> list[str]:
    """List the values of a header in small letters, as its name is."""
    return [value.decode("latin-1").lower() for name, value in headers if name == wanted]


def hostname(host: str) -> str | None:
    """Read the name in a Host header, without port or brackets; None when it is not one."""
    if any(c in host for c in "@/?#\\") or host != host.strip():
        return None
    try:
        split = urlsplit(f"//{host}")
        return split.hostname if split.port is None or split.port > 0 else None
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is that of this machine for itself."""
    try:
        found = ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def own_names(listens_on: str, public_url: str | None) -> IsOwnName:
    """Make what tells whether a Host is a name of this service.

    What others reach goes by numbers and by names without a dot too: no other site can make
    one of these lead here.
    """
    public = urlsplit(public_url or "").hostname
    names = LOCAL_NAMES.union(filter(None, (listens_on.lower(), public)))
    reached = not is_loopback(listens_on)

    def is_own_name(name: str | None) -> bool:
        beyond_dns = bool(name and ("." not in name or name.replace(".", "").isdigit()))
        return name in names or (reached and beyond_dns)

    return is_own_name
