"""Every mail read back by the standard library's parser says what was put in."""

from collections import Counter
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from service.sending.channels.mime import NamedMailbox, Sender, mail_bytes, mailbox
from service.sending.templates.templates import RenderedMessage

SENDER = Sender("Academy, Learning", mailbox("learning@academy.example"))
ONCE = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
NASTY = [
    "Ada Lovelace",
    'Ada "the first" Lovelace\\',
    "Lovelace, Ada; <ada@evil.example>",
    "Ada\r\nBcc: eve@example.net",
    "Ada\nX-Evil: 1",
    "Ada\0\x0b\x85\u2028\u2029Lovelace",
    "\u202eecalevoL adA",
    "=?utf-8?q?Ada?=",
    "?==?",
    "Siobhán O'Brien",
    "आडा लवलेस",
    "エイダ・ラブレス",
    "👩‍💻" * 30,
    "A" * 10_000,
    "é" * 10_000,
    "word " * 60,
    "",
    " ",
    ".",
]


def written(outgoing: Any, address: str = "ada@example.org") -> bytes:
    return mail_bytes(outgoing, mailbox(address), SENDER)


def lawful(raw: bytes) -> None:
    lines = raw.split(b"\r\n")
    assert b"\n" not in b"".join(lines) and b"\r" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    head = raw.split(b"\r\n\r\n")[0]
    assert b"?==?" not in head
    names = Counter(
        line.split(b":")[0].decode().lower() for line in head.split(b"\r\n") if line[:1] != b" "
    )
    assert [names[name] for name in ONCE] == [1] * len(ONCE)
    assert not {"bcc", "cc", "x-evil", "list-unsubscribe"} & set(names)


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_name_stays_a_name(outgoing: Any, name: str) -> None:
    raw = written(outgoing(name=name, message=RenderedMessage(name, "Hello\n", None)))
    lawful(raw)
    read = message_from_bytes(raw, policy=default)
    assert [address.addr_spec for address in read["To"].addresses] == ["ada@example.org"]
    assert len(read["Subject"]) <= 10_000


@pytest.mark.parametrize("name", ["Siobhán O'Brien", "आडा लवलेस", 'Ada "A" L\\', "A, B", "=?x"])
def test_names_come_back_as_they_were(outgoing: Any, name: str) -> None:
    read = message_from_bytes(written(outgoing(name=name)), policy=default)
    assert read["To"].addresses[0].display_name == name
    assert read["From"].addresses[0].display_name == "Academy, Learning"


@pytest.mark.parametrize(
    "subject",
    [
        "Completed: Logic",
        "आपका पाठ्यक्रम पूर्ण हो गया है: सूचना सुरक्षा जागरूकता प्रशिक्षण 2026 (अनिवार्य)",
        "Terminé : l'éthique à l'école, première année, deuxième semestre, troisième module",
        "long " * 39 + "words",
        "x" * 200,
        "👩‍💻" * 40,
        "=?utf-8?q?literally?=",
    ],
)
def test_subjects_come_back_as_they_were(outgoing: Any, subject: str) -> None:
    raw = written(outgoing(message=RenderedMessage(subject, "Hello\n", None)))
    lawful(raw)
    assert message_from_bytes(raw, policy=default)["Subject"] == subject


def test_the_headers_of_the_policy_are_there(outgoing: Any) -> None:
    raw = written(
        outgoing(
            thread="<thread.42@academy.example>",
            list_id="Completions <completed.academy.example>",
        )
    )
    assert raw.split(b"Content-Type")[0].decode().split("\r\n") == [
        'From: "Academy, Learning" <learning@academy.example>',
        "To: Ada Lovelace <ada@example.org>",
        "Subject: Completed: Logic",
        "Date: Fri, 20 Nov 2026 08:30:00 +0000",
        "Message-ID: <018f-ada@academy.example>",
        "In-Reply-To: <thread.42@academy.example>",
        "References: <thread.42@academy.example>",
        "List-Id: Completions <completed.academy.example>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        "",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "plain\n",
        "with a dot\n.\n..\n.end\n",
        "trailing blank \nand tab\t\n",
        "long " * 500 + "\n",
        "x" * 5_000 + "\n",
        "Grüße, आडा, 👩‍💻 = =_ --\n",
        "From the start\nFrom here\n",
        "a\r\nb\rc\n",
        "--=_" + "0" * 32 + "\n",
    ],
)
def test_both_bodies_come_back_as_they_were(outgoing: Any, text: str) -> None:
    raw = written(outgoing(message=RenderedMessage("Hello", text, f"<p>{text}</p>")))
    lawful(raw)
    read = message_from_bytes(raw, policy=default)
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None and html is not None
    assert plain.get_content().replace("\r\n", "\n") == lines
    assert html.get_content().replace("\r\n", "\n") == f"<p>{lines}</p>"


def test_a_name_too_long_for_the_address_is_left_out(outgoing: Any) -> None:
    address = "x" * 60 + "@" + "y" * 60 + ".example"
    raw = written(outgoing(name="é" * 190, address=address), address)
    assert f"To: {address}\r\n".encode() in raw


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "018f"},
        {"message_id": "<a@b>\r\nBcc: eve@example.net"},
        {"thread": "<a b@c>"},
        {"list_id": "a\r\nBcc: b"},
        {"list_id": "é"},
    ],
)
def test_an_id_of_ours_that_is_none_is_our_mistake(outgoing: Any, changes: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        written(outgoing(**changes))


def test_the_same_message_gives_the_same_bytes(outgoing: Any) -> None:
    message = RenderedMessage("Hello", "Hello\n", "<p>Hello</p>")
    assert written(outgoing(message=message)) == written(outgoing(message=message))


def test_many_copies_with_any_names_are_read_back(outgoing: Any) -> None:
    people = tuple(
        NamedMailbox(name.strip() or None, mailbox(f"copy{n}@archive{n}.example.org"))
        for n, name in enumerate(NASTY[:10])
    )
    sender = Sender(None, SENDER.mailbox, reply_to=people[:2], cc=people, bcc=people[:1])
    raw = mail_bytes(outgoing(), mailbox("ada@example.org"), sender)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    read = message_from_bytes(raw, policy=default)
    assert [each.addr_spec for each in read["Cc"].addresses] == [str(p.mailbox) for p in people]
    assert len(read["Reply-To"].addresses) == 2
    assert read["Bcc"] is None and read["X-Evil"] is None
