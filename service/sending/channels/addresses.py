"""E-mail addresses: one mailbox each, or refused."""

import re

import idna
import msgspec

LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254

# RFC 5321 §4.1.2 with the letters of RFC 6531 §3.3.
ATOM = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\u1fff\u2c00-\ud7ff\uf900-\ufdcf\U00010000-\U0003fffd]+"
)
DOT_ATOM = re.compile(rf"{ATOM}(?:\.{ATOM})*")
QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])+"')
HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class AddressRefused(ValueError):
    """A text is not the address of one mailbox; says why without repeating it."""


class Mailbox(msgspec.Struct, frozen=True):
    """One mailbox: the part before the @ as given, the domain in ASCII (IDNA)."""

    local: str
    domain: str

    @property
    def needs_utf8(self) -> bool:
        """Whether the server must offer SMTPUTF8 (RFC 6531)."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def mailbox(address: str) -> Mailbox:
    """Read exactly one address, `o'brien@example.org`, without name, comment or list.

    Raises AddressRefused.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise AddressRefused("expected one address with a name, @ and a domain")
    if not DOT_ATOM.fullmatch(local) and not QUOTED.fullmatch(local):
        raise AddressRefused("the part before the @ has characters an address cannot have")
    if len(local.encode()) > LOCAL_OCTETS_MAX:
        raise AddressRefused(f"the part before the @ is longer than {LOCAL_OCTETS_MAX} bytes")
    found = Mailbox(local, _ascii_domain(domain))
    if len(str(found).encode()) > ADDRESS_OCTETS_MAX:
        raise AddressRefused(f"the address is longer than {ADDRESS_OCTETS_MAX} bytes")
    return found


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise AddressRefused("the part after the @ is not a domain name") from None
    if len(domain) > 253 or not HOST_NAME.fullmatch(domain):
        raise AddressRefused("the part after the @ is not a domain name")
    return domain
