"""Tell which addresses a chat room may have: public ones, and private networks if named."""

import socket
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Network = IPv4Network | IPv6Network

SETTING = "COURSEBELL_CHAT_PRIVATE_NETWORKS"
HINT = f"if that is meant, name its network in {SETTING}, e.g. 10.0.0.0/8"

GLOBAL_UNICAST = ip_network("2000::/3")
"""What IANA assigns IPv6 hosts of the internet from (RFC 4291 §2.4)."""
WITH_IPV4_AT_THE_END = (
    ip_network("::/96"),
    ip_network("::ffff:0:0/96"),
    ip_network("64:ff9b::/96"),
)
"""IPv4-compatible, IPv4-mapped (RFC 4291 §2.5.5) and NAT64 (RFC 6052 §2.1)."""
NOT_PUBLIC = (
    ip_network("168.63.129.16/32"),
    ip_network("192.88.99.0/24"),
    ip_network("3fff::/20"),
)
"""Azure's host within each of its networks (Microsoft Learn, "What is IP address 168.63.129.16?"),
6to4 relays (RFC 7526), and addresses for documentation (RFC 9637)."""


def is_reachable(address: str, private_networks: Sequence[Network]) -> bool:
    """Tell whether chat may connect to an IP address: it is public, or its network is named.

    Loopback, link-local, private and multicast addresses are not public, nor is an IPv6 address
    that stands for an IPv4 address that is not.
    """
    written = ip_address(address.partition("%")[0])
    meant = _ipv4_in(written) or written
    return _is_public(meant) or any(
        each in network for network in private_networks for each in (written, meant)
    )


def reaches_none(host: str, private_networks: Sequence[Network]) -> bool:
    """Tell of a host whose addresses are known without DNS whether chat may reach none of them."""
    known = _without_dns(host)
    return bool(known) and not any(is_reachable(each, private_networks) for each in known)


def _ipv4_in(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that an IPv6 address stands for."""
    if any(address in network for network in WITH_IPV4_AT_THE_END):
        return IPv4Address(address.packed[-4:])
    return address.sixtofour if address.version == 6 else None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    listed = any(address in network for network in NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not listed


def _without_dns(host: str) -> list[str]:
    """Give the addresses of `localhost` (RFC 6761 §6.3), and of an IP address in any spelling.

    The C library reads 2130706433, 0x7f000001 and 127.1 as 127.0.0.1.
    """
    if f".{host}".lower().rstrip(".").endswith(".localhost"):
        return ["127.0.0.1", "::1"]
    try:
        found = socket.getaddrinfo(host.strip("[]") or ".", None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(each[4][0]) for each in found]
