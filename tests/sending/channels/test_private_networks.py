"""Which hosts chat may reach, however they are written."""

from ipaddress import ip_network

import pytest

from service.sending.channels import ChannelError
from service.sending.channels.chat import ChatChannel
from service.sending.channels.private_networks import is_reachable, reaches_none

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.31.0.1",
    "168.63.129.16", "192.88.99.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1",
    "3fff::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
    "2002:808:808::",
]  # fmt: skip
SPELLINGS = [
    "127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "017700000001",
    "localhost", "LocalHost", "localhost.", "room.localhost", "[::1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_not_reached(address: str) -> None:
    assert not is_reachable(address, ())


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is(address: str) -> None:
    assert is_reachable(address, ())


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("64:ff9b::10.1.2.3", "10.0.0.0/8"),
        ("64:ff9b::10.1.2.3", "64:ff9b::/96"),
        ("::1", "::1/128"),
        ("fe80::1%eth0", "fe80::/10"),
    ],
)
def test_a_network_that_is_named_is_reached(address: str, network: str) -> None:
    assert is_reachable(address, [ip_network(network)])
    assert not is_reachable(address, [ip_network("192.168.0.0/16")])


@pytest.mark.parametrize("host", SPELLINGS)
def test_this_machine_is_known_by_every_name(host: str) -> None:
    assert reaches_none(host, ())
    assert not reaches_none(host, [ip_network("127.0.0.0/8"), ip_network("::1/128")])
    with pytest.raises(ChannelError):
        ChatChannel("ops", f"json://{host}/hook")


@pytest.mark.parametrize("host", ["chat.example.org", "localhost.example.org", "intranet", ""])
def test_what_only_dns_knows_is_left_to_the_connection(host: str) -> None:
    assert not reaches_none(host, ())


@pytest.mark.parametrize("url", ["fluxer://000000000000000000/" + 64 * "A", "tgram://1:abc/1"])
def test_a_token_of_digits_is_no_address(url: str) -> None:
    try:
        ChatChannel("ops", url)
    except ChannelError as refused:
        assert "private" not in str(refused)
