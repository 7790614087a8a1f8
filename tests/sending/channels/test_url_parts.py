"""A URL means what was written: what apprise would read otherwise is refused, part by part."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sending.channels import ChannelError, open_channel
from service.sending.channels.chat_url import room_at
from service.sending.channels.smtp_url import server_at
from service.sending.channels.url_parts import parts_of
from tests.campaigns import fuzz
from tests.smtp_sink import SmtpSink

SECRETS = ("hunter2", "secret", "s3cr")
LOST = "in a user or password write %2F for /, %3F for ? and %23 for #"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mailtos://ada@example.org:secret@h.example", "user: write %40 for @"),
        ("mailtos://a@b:hunter2@s3cr:x@h.example", "password: write %40 for @, %3A for :"),
        ("ntfy://admin:hunter2@s3cr@h.example/topic", "password: write %40 for @"),
        ("ntfy://admin:hunter2:s3cr@h.example/topic", "password: write %3A for :"),
        ("ntfy://admin:hunter2/s3cr@h.example/topic", LOST),
        ("ntfy://admin:12/s3cr@h.example/topic", LOST),
        ("ntfy://admin:12?s3cr@h.example/topic", LOST),
        ("ntfy://admin:12#s3cr@h.example/topic", LOST),
        ("ntfy://a@b:12/s3cr@h.example/topic", LOST),
        ("ntfy://a:hunter2@b/s3cr@h.example/topic", LOST),
        ("ntfy://a:hunter2@b/@h.example/topic", LOST),
        ("ntfy://s3cr/et@h.example/topic", LOST),
        ("ntfy://admin:s3cr[et@h.example/topic", "password: write %5B for ["),
        ("ntfy://admin:hunter2%zz@h.example/topic", "password: write %25 for %"),
        ("ntfy://admin:100%@h.example/topic", "password: write %25 for %"),
        ("ntfy://admin:s3cr%ff@h.example/topic", "password: its percent escapes are not UTF-8"),
        ("mailtos://ada:s3cr%0D%0A@h.example", "password: holds a line break"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkc;s3crXrIdevi7FQ", "path: write %3B for ;"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkc#s3crXrIdevi7FQ", "write %23 for #"),
        ("json://h.example/a?-token=hunter2;s3cr", "query: write %3B for ;"),
        ("json://h.example/a?-t=secret&-t=hunter2", "query: a parameter is given twice"),
        ("json://h.example:99999/a", "port: expected a number from 1 to 65535"),
        ("json://h.example?", "query: expected a parameter behind the ?"),
    ],
)
def test_a_part_that_is_cut_is_refused_with_its_place_and_how_to_write_it(
    tmp_path: Path, url: str, told: str
) -> None:
    with pytest.raises(ChannelError) as refusal:
        open_channel("ops", url, drawer=tmp_path)
    assert told in str(refusal.value)
    assert not any(secret in str(refusal.value) for secret in SECRETS)


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)


@fuzz(500)
@given(user=TEXT, password=TEXT, segment=TEXT)
def test_what_is_percent_encoded_is_read_back_whatever_it_is(
    user: str, password: str, segment: str
) -> None:
    written = [quote(each, safe="") for each in (user, password, segment)]
    parts = parts_of("ntfy://{}:{}@h.example/{}".format(*written))
    assert (parts.user, parts.password, parts.host) == (user, password, "h.example")
    assert parts.path == ("", segment)


RAW = st.text("ab1@:/?#;%[]\\&=+ ,.-", max_size=12)


@fuzz(1_000)
@given(RAW, RAW)
def test_a_raw_password_is_read_whole_or_refused(user: str, password: str) -> None:
    """Nothing of it may become a host, whatever apprise's plugin makes of the URL."""
    try:
        room = room_at("ops", f"ntfy://u{user}:p{password}@h.example/topic", 1.0)
    except ChannelError:
        return
    assert room.host == "h.example"
    assert f"{room.user}:{room.password}" == unquote(f"u{user}:p{password}")


def test_what_needs_no_escape_is_taken_as_it_is() -> None:
    parts = parts_of("mailtos://ada:p+a!$&'()*,;=~-._@h.example:25?name=Logic %26 more")
    assert parts.password == "p+a!$&'()*,;=~-._"
    assert (parts.host, parts.port, parts.query) == ("h.example", 25, {"name": "Logic & more"})
    assert parts_of("slack://T1/B1/X1/#general").path[-1] == "#general"
    assert parts_of("slack://T1/B1/X1/@ada").path[-1] == "@ada"
    assert parts_of("tgram://123:ab-c/4/").host == "123:ab-c"


NASTY = "p@s:s/w?o#r;d%41&+= [\"'\\ü"


@pytest.mark.parametrize("where", ["before the host", "behind the ?"])
def test_a_nasty_user_and_password_log_in(outgoing: Any, where: str) -> None:
    """PLAIN is UTF-8 (RFC 4616); smtplib alone would send ASCII only."""
    user = "learning@example.org"
    with SmtpSink(tls="ssl", users={user: NASTY}) as sink:
        head, at, rest = sink.url.partition("://")[2].partition("@")
        url = sink.url
        if where != "before the host":
            login = f"&user={quote(user)}&pass={quote(NASTY, safe='')}"
            url = f"mailtos://{rest}{login}"
        channel = open_channel("email", url, drawer=Path("unused"))
        assert channel.send(outgoing()).kind == "accepted"
        channel.close()
    assert sink.logins == [("PLAIN", user)]
    assert head and at


def test_an_ipv6_address_is_a_host() -> None:
    assert server_at("email", "mailto://[::1]:25?from=a@b.example").host == "::1"
