"""Who may come in; and that no header, however odd, is anything but an answer."""

import hmac
from base64 import b64encode
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.incoming.verifiers import (
    Authenticator,
    BasicCredentials,
    BearerToken,
    HmacSignature,
    SenderVerifier,
    StandardWebhooks,
)

BODY = b'{"events": []}'
NOW = 1_772_452_800_000
KEY = b"a key of thirty-two random bytes"
SECRET = "whsec_" + b64encode(KEY).decode()


def basic(pair: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Basic " + b64encode(pair.encode())}


def standard(key: bytes = KEY, at: int = NOW // 1000, body: bytes = BODY) -> dict[bytes, bytes]:
    stamp = str(at).encode()
    made = b64encode(hmac.digest(key, b"msg_1." + stamp + b"." + body, "sha256"))
    return {
        b"webhook-id": b"msg_1",
        b"webhook-timestamp": stamp,
        b"webhook-signature": b"v1," + made,
    }


def test_basic_takes_any_of_its_pairs() -> None:
    keeper = BasicCredentials(("ada", "pass:word"), ("ada", "пароль ä"))
    assert keeper.verify(basic("ada:pass:word"), b"", NOW)
    assert keeper.verify(basic("ada:пароль ä"), b"", NOW)
    assert not keeper.verify(basic("ada:pass"), b"", NOW)
    assert not keeper.verify(basic("grace:pass:word"), b"", NOW)
    assert not BasicCredentials().verify(basic(":"), b"", NOW)


def test_bearer_takes_any_of_its_tokens() -> None:
    keeper = BearerToken("old", "new", "")
    assert keeper.verify({b"authorization": b"Bearer old"}, b"", NOW)
    assert keeper.verify({b"authorization": b"bearer  new "}, b"", NOW)
    assert not keeper.verify({b"authorization": b"Bearer "}, b"", NOW)
    assert not keeper.verify({b"authorization": b"Bearer ol"}, b"", NOW)


@pytest.mark.parametrize("algorithm", HmacSignature.ALGORITHMS)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "v0 "])
def test_a_signature_in_every_dress(
    algorithm: str, encoding: Literal["hex", "base64"], prefix: str
) -> None:
    keeper = HmacSignature(
        "X-ALM-Signature", ["old", KEY], algorithm=algorithm, encoding=encoding, prefix=prefix
    )
    for key in (b"old", KEY):
        digest = hmac.digest(key, BODY, algorithm)
        text = digest.hex().encode() if encoding == "hex" else b64encode(digest)
        headers = {b"x-alm-signature": prefix.encode() + text}
        assert keeper.verify(headers, BODY, NOW)
        assert not keeper.verify(headers, BODY + b" ", NOW)
        assert not keeper.verify({b"x-alm-signature": text[:-2]}, BODY, NOW)
    assert not keeper.verify({}, BODY, NOW)


def test_a_signature_without_secrets_opens_nothing() -> None:
    made = hmac.digest(b"", BODY, "sha256").hex().encode()
    assert not HmacSignature("x", ["", b""]).verify({b"x": made}, BODY, NOW)


def test_an_algorithm_that_is_not_there_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="expected one of sha256"):
        HmacSignature("x", ["s"], algorithm="md5")


def test_standard_webhooks_knows_its_sender_and_the_time() -> None:
    keeper = StandardWebhooks([SECRET, b64encode(b"other key").decode()])
    assert keeper.verify(standard(), BODY, NOW)
    assert keeper.verify(standard(b"other key"), BODY, NOW)
    assert keeper.verify(standard(at=NOW // 1000 - 300), BODY, NOW)
    assert not keeper.verify(standard(at=NOW // 1000 - 301), BODY, NOW)
    assert not keeper.verify(standard(at=NOW // 1000 + 301), BODY, NOW)
    assert not keeper.verify(standard(b"third key"), BODY, NOW)
    assert not keeper.verify(standard(), b"{}", NOW)


def test_standard_webhooks_takes_one_good_signature_among_several() -> None:
    headers = standard()
    headers[b"webhook-signature"] = (
        b"v1a,xx v1,!! v1,AAAA " + headers[b"webhook-signature"] + b" v2,"
    )
    assert StandardWebhooks([SECRET]).verify(headers, BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_?", "not base64"])
def test_a_secret_that_is_none_is_refused_at_start(secret: str) -> None:
    with pytest.raises(ValueError, match="expected a secret like"):
        StandardWebhooks([secret])


def test_a_source_without_credentials_is_closed_and_opened_only_on_purpose() -> None:
    assert Authenticator().admits_early({}, NOW) is False
    assert Authenticator(is_open=True).admits_early({}, NOW) is True


def test_one_way_in_is_enough() -> None:
    keeper = Authenticator(HmacSignature("x", [KEY]), BasicCredentials(("ada", "x")))
    assert keeper.admits_early(basic("ada:x"), NOW) is True
    signed = {b"x": hmac.digest(KEY, BODY, "sha256").hex().encode()}
    assert keeper.admits_early(signed, NOW) is None
    assert keeper.admits(signed, BODY, NOW)
    assert not keeper.admits({}, BODY, NOW)
    assert keeper.challenge.startswith("Basic ")


@pytest.mark.parametrize("signature", [None, b"", b"zz" * 32, b"00" * 31, b"00" * 33, b"\xff"])
def test_without_a_signature_nobody_reads_the_body(signature: bytes | None) -> None:
    headers = {} if signature is None else {b"x": signature}
    assert Authenticator(HmacSignature("x", [KEY])).admits_early(headers, NOW) is False
    assert Authenticator(HmacSignature("x", [KEY])).admits_early({b"x": b"00" * 32}, NOW) is None


@pytest.mark.parametrize(
    "changed",
    [
        {b"webhook-id": b""},
        {b"webhook-timestamp": b"%d" % (NOW // 1000 - 301)},
        {b"webhook-signature": b"v1,AAAA"},
        {b"webhook-signature": b"v2," + b64encode(b"0" * 32)},
    ],
)
def test_without_a_standard_signature_nobody_reads_the_body(changed: dict[bytes, bytes]) -> None:
    keeper = Authenticator(StandardWebhooks([SECRET]))
    assert keeper.admits_early(standard(b"a stranger's"), NOW) is None
    assert keeper.admits_early(standard() | changed, NOW) is False


ALL: list[SenderVerifier] = [
    BasicCredentials(("ada", "ä")),
    BearerToken("token"),
    HmacSignature("x", [KEY]),
    HmacSignature("x", [KEY], encoding="base64", prefix="v="),
    StandardWebhooks([SECRET]),
]
values = st.binary() | st.sampled_from(
    [
        b"Basic ",
        b"Basic =",
        b"Basic \xff",
        b"bearer \xff",
        b"v=",
        b"v=\xff",
        b"v1,",
        b"9" * 12,
        b"\xb2",
    ]
)


@given(st.dictionaries(st.sampled_from(sorted({*standard(), b"authorization", b"x"})), values))
def test_odd_headers_are_refused_and_never_an_exception(headers: dict[bytes, bytes]) -> None:
    for verifier in ALL:
        assert verifier.verify(headers, BODY, NOW) is False
