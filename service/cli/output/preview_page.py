"""Show the message of a template on the terminal, in the browser, or as files."""

import sys
import webbrowser
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click
from rich.text import Text

from service.cli.output.console import page_wide
from service.cli.output.text import print_message
from service.rules.language.brand import NO_BRAND, Brand
from service.sending.channels import OutgoingMessage
from service.sending.channels.drawer import SENDER
from service.sending.channels.mime import AddressRefused, Mailbox, mail_bytes, mailbox
from service.sending.templates.fitting import Fits, anything
from service.sending.templates.templates import RenderedMessage

NOBODY = "recipient@example.org"
"""Where the address is not known."""


class PreviewOccasion(NamedTuple):
    """Hold the values of a message, and who reads it; `form` is how it would leave.

    `fits` tells which words its room takes whole.
    """

    form: str
    values: Mapping[str, Any]
    name: str | None
    address: str
    fits: Fits = anything


class PreviewPage(NamedTuple):
    """Hold one message as it would leave; `locale` is '' for the plain files."""

    template: str
    form: str
    locale: str
    message: RenderedMessage
    occasion: PreviewOccasion
    brand: Brand = NO_BRAND

    @property
    def name(self) -> str:
        """Name its files, without their suffix."""
        return ".".join(filter(None, (self.template, self.form, self.locale)))


def print_pages(pages: Sequence[PreviewPage]) -> None:
    """Print subject and text of each."""
    screen = page_wide()
    for place, page in enumerate(pages):
        if place:
            screen.print()
        title = ", ".join(filter(None, (page.template, page.form, page.locale)))
        screen.print(Text(title, "bold reverse"))
        screen.print()
        print_message(screen, page.message.subject, page.message.text)
    if any(page.message.html for page in pages):
        screen.print()
        screen.print("[dim]It has HTML too: --open shows it, --output FOLDER writes it.[/]")


def write(folder: Path, page: PreviewPage, now: int) -> list[Path]:
    """Write one message as text, as HTML if it has any, and as the mail it would be."""
    folder.mkdir(parents=True, exist_ok=True)
    message = page.message
    head = f"{message.subject}\n\n" if message.subject else ""
    found = {"txt": (head + message.text).encode()}
    if message.html is not None:
        found["html"] = with_logo(message).encode()
    if page.form == "email":
        found["eml"] = mail_of(page, now)
    paths = []
    for suffix, content in found.items():
        paths.append(folder / f"{page.name}.{suffix}")
        paths[-1].write_bytes(content)
        click.echo(paths[-1])
    return paths


def with_logo(message: RenderedMessage) -> str:
    """Give the HTML with its logo in it, as a browser shows no part of a mail."""
    html, logo = message.html or "", message.logo
    if logo is None:
        return html
    return html.replace(f"cid:{logo.cid}", f"data:image/{logo.kind};base64,{logo.encoded}")


def mail_of(page: PreviewPage, now: int) -> bytes:
    """Make the mail; to a made-up address where none is known that could be written to."""
    occasion = page.occasion
    outgoing = OutgoingMessage(
        notification="preview",
        message_id="<preview@coursebell.localhost>",
        address=occasion.address,
        name=occasion.name,
        message=page.message,
        sent_at=datetime.fromtimestamp(now / 1000, UTC),
        sender=page.brand.sender,
        reply_to=page.brand.reply_to,
    )
    return mail_bytes(outgoing, mailbox_of(occasion.address), SENDER)


def mailbox_of(address: str) -> Mailbox:
    """Make one mailbox, whatever the address."""
    try:
        return mailbox(address)
    except AddressRefused:
        return mailbox(NOBODY)


def open_pages(pages: Sequence[Path]) -> None:
    """Open pages in the browser of whoever sits at the terminal."""
    if not pages:
        click.echo("coursebell: it has no HTML; there is nothing to open", err=True)
    elif not sys.stdout.isatty():
        click.echo("coursebell: this is no terminal; open the HTML yourself", err=True)
    else:
        for page in pages:
            webbrowser.open(page.absolute().as_uri())
