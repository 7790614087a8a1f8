"""Read `brand`: who writes, as every mail shows it."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from service.rules.language.brand import (
    CONTRAST_LEAST,
    DARK,
    LIGHT,
    LOGO_BYTES_MAX,
    LOGO_FORM,
    NO_BRAND,
    Brand,
    Logo,
    contrast,
    dark_of,
    logo_kind,
    readable,
)
from service.rules.language.errors import Report
from service.rules.language.shape import Shape, Value
from service.rules.language.values import PASSWORD_FORM, SCALARS, patterned, text
from service.rules.language.yaml_reader import Block
from service.rules.text import shown

Beside = Callable[[str], bytes]
"""Reads a file beside the rule file; raises OSError."""

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS_FORM = rf"(?=[^@]{{1,64}}@.{{1,180}}$){_ATOM}(?:\.{_ATOM})*@{_HOST}(?:\.{_HOST})+"
"""An address that every mail server takes: ASCII before the @ (RFC 5321 §4.1.2)."""
WEB_FORM = r"https?://[^\s\"'<>\\`{|}^]{1,1990}"
COLOR_FORM = "#?[0-9A-Fa-f]{6}"
LINE_MAX = 200


def _matching(form: str, takes: str) -> Value:
    """Make the kind of a text of a form; passwords and variables are refused elsewhere."""
    pattern = re.compile(form)

    def read(raw: Any) -> str:
        if not pattern.fullmatch(text(raw)):
            raise ValueError(f"{takes}; got {shown(raw)}")
        return text(raw)

    schema = rf"(?![\s\S]*(\$\{{|{PASSWORD_FORM}))(?:{form})"
    return Value(read, patterned(SCALARS, schema, takes))


LINE = _matching(
    rf"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{{1,{LINE_MAX}}}",
    f"expected words on one line, {LINE_MAX} characters at most",
)
ADDRESS = _matching(ADDRESS_FORM, "expected one address like learning@example.org, in ASCII")
WEB = _matching(WEB_FORM, "expected an address like https://learning.example.org")
LOGO = _matching(
    LOGO_FORM,
    "expected the name of a .png, .jpg or .gif that lies beside the rule file, such as logo.png; "
    "save the picture there, as it travels inside each mail",
)
_COLOR = _matching(COLOR_FORM, 'expected a colour like "#1f6f64", in quotes')
COLOR = Value(lambda raw: f"#{_COLOR.read(raw).removeprefix('#').lower()}", _COLOR.schema)


MEANT = {
    word: key
    for key, words in {
        "name": "title company organisation organization",
        "sender": "from from_name sender_name",
        "logo": "image picture icon logo_url",
        "color": "primary_color accent",
        "help": "contact support email",
        "link": "url website homepage web",
    }.items()
    for word in words.split()
}
"""The keys that other words stand for."""


class BrandShape(Shape):
    """Say who writes; every key may be left out."""

    name: Annotated[str, LINE] = ""
    """Who writes, as the foot of every mail says it, e.g. Example Academy."""
    sender: Annotated[str, LINE] = ""
    """The name beside the address that mail comes from; `name` if left out."""
    reply_to: Annotated[str, ADDRESS] = ""
    """Where answers go; without it mails say that nobody reads them."""
    logo: Annotated[str, LOGO] = ""
    """A .png, .jpg or .gif beside the rule file, 48 KiB at most; it travels inside each mail."""
    color: Annotated[str, COLOR] = ""
    """The colour of links and buttons, in quotes, e.g. "#1f6f64"; dark enough to be read."""
    color_dark: Annotated[str, COLOR] = ""
    """The same where the reader's screen is dark; a lighter `color` if left out."""
    footer: Annotated[str, LINE] = ""
    """Words at the foot of every mail, e.g. the address of a company."""
    help: Annotated[str, LINE] = ""
    """Who helps: an address, the link of a page, or words."""
    link: Annotated[str, WEB] = ""
    """The page of who writes, behind the name at the foot of every mail."""

    @classmethod
    def unknown(cls, report: Report, block: Block, key: str) -> str:
        """Say which key was meant, or what is wrong with one."""
        meant = MEANT.get(key.lower())
        if meant is None or meant in block:
            return super().unknown(report, block, key)
        report.meant.add((*block.path, meant))
        return f"unknown key {shown(key)}; did you mean '{meant}'?"

    def compiled(self, logo: Logo | None) -> Brand:
        """Give who writes, with the logo that was read."""
        color = self.color or NO_BRAND.color
        derived = dark_of(color) if self.color else NO_BRAND.color_dark
        return Brand(
            name=self.name,
            sender=self.sender or self.name,
            reply_to=self.reply_to,
            logo=logo,
            color=color,
            color_dark=self.color_dark or derived,
            footer=self.footer,
            help=self.help,
            link=self.link,
        )


def check_colors(brand: BrandShape, report: Report) -> None:
    """Report colours that nobody could read on the ground they stand on."""
    for key, ground, word in (("color", LIGHT, "white"), ("color_dark", DARK, "a dark screen")):
        color = getattr(brand, key)
        found = contrast(color, ground) if color else CONTRAST_LEAST
        if found < CONTRAST_LEAST:
            message = f"{color} cannot be read on {word}: expected a contrast of {CONTRAST_LEAST}"
            near = readable(color, ground)
            report.error(brand.path_to(key), f'{message} at least, got {found:.1f}; try "{near}"')


def read_logo(brand: BrandShape, beside: Beside | None, report: Report) -> Logo | None:
    """Read the picture that a file names; None without one, or if nothing is `beside` it."""
    if not brand.logo or beside is None:
        return None
    path = brand.path_to("logo")
    try:
        content = beside(brand.logo)
    except OSError as error:
        why = error.strerror or type(error).__name__
        report.error(path, f"no logo {shown(brand.logo)} beside the rule file: {why}")
        return None
    kind = logo_kind(content)
    if kind is None:
        report.error(path, "expected a picture in PNG, JPEG or GIF, which mail programs show")
    elif len(content) > LOGO_BYTES_MAX:
        expected = f"expected a picture of at most {LOGO_BYTES_MAX:,} bytes"
        report.error(path, f"{expected}; it travels in every mail; make it smaller")
    return Logo(kind, content) if kind else None
