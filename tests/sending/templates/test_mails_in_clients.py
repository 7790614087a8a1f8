"""Shipped mails are what mail programs show alike, as far as that can be known beforehand."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.rules.language.brand import LOGO_BYTES_MAX, Brand, Logo
from service.sending.channels.channel import OutgoingMessage
from service.sending.channels.mime import Sender, mail_bytes, mailbox
from service.sending.templates.sample import ALONE, SAMPLE
from service.sending.templates.templates import Templates
from tests import pictures

LOCALES = ("en", "de", "fr", "es", "hi", "ar")
MAIL_BYTES_MAX = 100_000
WIDTH_MAX = 600
COLUMNS = 40
COMMON = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color",
    "border-radius", "border-spacing", "border-top", "color", "display", "font-family", "font-size",
    "font-weight", "height", "letter-spacing", "line-height", "margin", "max-height", "max-width",
    "opacity", "overflow", "overflow-wrap", "padding", "text-decoration", "vertical-align", "width",
    "word-break", "-webkit-text-size-adjust",
}  # fmt: skip
"""What Apple Mail, Gmail, Outlook and Yahoo know, or leave out without harm (caniemail.com)."""
PAGES = pictures.names(Templates(Path("templates").absolute()))


@pytest.fixture
def branded(shipped: Templates):
    """The shipped templates with all of a brand, and the largest logo."""
    logo = Logo("png", b"\x89PNG\r\n\x1a\n" + b"\7" * (LOGO_BYTES_MAX - 8))
    shipped.brand = Brand("Example Academy", "", "a@example.org", logo, footer="x" * 200)
    yield shipped
    shipped.brand = Brand()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", PAGES)
def test_a_mail_is_small_and_narrow_and_of_common_style(
    branded: Templates, template: str, locale: str
) -> None:
    for values in (ALONE, SAMPLE):
        message = branded.render(template, "email", locale, values)
        html = message.html or ""
        styles = re.findall(r'style="([^"]*)"', html) + re.findall(r"\{([^{}]*)\}", html)
        properties = re.findall(r"(?:^|;)\s*([\w-]+)\s*:", ";".join(styles))
        assert set(properties) <= COMMON
        assert not re.search(r"url\(|var\(|calc\(|position|float|flex|grid", html)
        widths = re.findall(r'\bwidth="(\d+)"|max-width: ?(\d+)px', html)
        assert max(int(one or other) for one, other in widths) == WIDTH_MAX
        outgoing = OutgoingMessage(
            "n", "<n@x.example>", "a@x.example", None, message, datetime.now(UTC)
        )
        mail = mail_bytes(outgoing, mailbox("a@x.example"), Sender(None, mailbox("b@x.example")))
        assert len(mail) < MAIL_BYTES_MAX


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", PAGES)
def test_a_text_can_be_read_in_forty_columns(
    shipped: Templates, template: str, locale: str
) -> None:
    for values in (ALONE, SAMPLE):
        for line in shipped.render(template, "email", locale, values).text.split("\n"):
            words = line.strip().split(" ")
            assert "" not in words or line == "", "nothing is put in columns by blanks"
            links = [word for word in words if "://" in word]
            assert not links or len(words) == 1, "a link stands on a line of its own"
            assert all(len(word) <= COLUMNS for word in words if "://" not in word)


@pytest.mark.skipif(pictures.CHROMIUM is None, reason="needs Debian's chromium")
def test_mails_look_as_in_the_pictures(shipped: Templates, tmp_path: Path) -> None:
    """Where a change of the looks is meant: `python -m tests.pictures`, and a look at them."""
    for file, chosen in pictures.pictures(shipped).items():
        pictures.take(shipped, chosen, tmp_path / file)
        found = pictures.difference(tmp_path / file, pictures.FOLDER / file)
        assert found.mean < 4 and found.most < 120, f"docs/pictures/{file}: {found}"


@pytest.mark.skipif(pictures.CHROMIUM is None, reason="needs Debian's chromium")
def test_a_mail_that_looks_otherwise_is_seen(shipped: Templates, tmp_path: Path) -> None:
    shipped.brand = Brand(color="#8a1c4c")
    try:
        pictures.take(shipped, ["completed"], tmp_path / "other.png")
    finally:
        shipped.brand = Brand()
    found = pictures.difference(tmp_path / "other.png", pictures.FOLDER / "completed.png")
    assert found.mean > 0.05 and found.most > 30
