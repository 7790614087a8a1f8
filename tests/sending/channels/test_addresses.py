"""One address is one mailbox, or it is refused."""

import pytest

from service.sending.channels.mime import AddressRefused, mailbox

VALID = {
    "ada@example.org": "ada@example.org",
    "o'brien@example.org": "o'brien@example.org",
    "ada+courses@example.org": "ada+courses@example.org",
    "a/b=c@example.org": "a/b=c@example.org",
    "!#$%&'*+-/=?^_`{|}~@example.org": "!#$%&'*+-/=?^_`{|}~@example.org",
    '"ada lovelace"@example.org': '"ada lovelace"@example.org',
    '"a@b"@example.org': '"a@b"@example.org',
    '"a\\"b"@example.org': '"a\\"b"@example.org',
    "x" * 64 + "@example.org": "x" * 64 + "@example.org",
    "ada@bücher.example": "ada@xn--bcher-kva.example",
    "ada@例え.jp": "ada@xn--r8jz45g.jp",
    "дарья@example.org": "дарья@example.org",
    "postmaster@localhost": "postmaster@localhost",
}

REFUSED = [
    "",
    "ada",
    "@example.org",
    "ada@",
    "a@b,c@d",
    "a@b;c@d",
    "a@b c@d",
    "a@b\nBcc: eve@example.net",
    "a@b\r\nRCPT TO:<eve@example.net>",
    "a@b>",
    "<a@b>",
    "Ada <ada@example.org>",
    "ada@example.org ",
    "a\0@example.org",
    ".ada@example.org",
    "ada..l@example.org",
    "ada.@example.org",
    "ada@-example.org",
    "ada@example..org",
    "ada@[127.0.0.1]",
    "ada@exa_mple.org",
    '"a\nb"@example.org',
    '"a"b"@example.org',
    "x" * 65 + "@example.org",
    "ada@" + ".".join(["x" * 63] * 4) + ".org",
    "ad\u202ea@example.org",
    "ad\u2028a@example.org",
    "ada@exam\u0000ple.org",
    "ada@\ud800.org",
    "\ud800@example.org",
]


@pytest.mark.parametrize(("address", "mailed"), VALID.items())
def test_a_valid_address_is_mailed_to_as_it_is(address: str, mailed: str) -> None:
    assert str(mailbox(address)) == mailed


@pytest.mark.parametrize("address", REFUSED)
def test_anything_else_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        mailbox(address)
    assert address.strip() == "" or address not in str(refusal.value)


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert mailbox("дарья@example.org").needs_utf8
    assert not mailbox("ada@bücher.example").needs_utf8
