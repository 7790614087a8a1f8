"""Say who writes: the name, colour, logo and addresses that every mail shows."""

import re
from base64 import b64encode
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

LIGHT, DARK = "#ffffff", "#1d2329"
"""What words stand on in a mail, where the reader's screen is light, and where it is dark."""
CONTRAST_LEAST = 4.5
"""How a colour must stand out to be read (WCAG 2.2, success criterion 1.4.3)."""
DERIVED_CONTRAST = 7.0
STEPS = 100

LOGO_BYTES_MAX = 48 * 1024
LOGO_KINDS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}
"""What every mail program shows, by how its bytes begin."""
LOGO_FORM = r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,99}\.(?:png|jpe?g|gif)"
LOGO_NAMED = re.compile(
    rb"^\s+logo:\s*[\"']?(" + LOGO_FORM.encode() + rb")[\"']?\s*(?:#|\r?$)", re.M
)


@dataclass(frozen=True)
class Logo:
    """Hold a picture that travels inside each mail; `kind` is what follows `image/`."""

    kind: str
    content: bytes = field(repr=False)

    @cached_property
    def cid(self) -> str:
        """Give the Content-ID by which HTML names it (RFC 2392)."""
        return f"{sha256(self.content).hexdigest()[:24]}@logo"

    @cached_property
    def encoded(self) -> str:
        """Give the content in base64, in one line."""
        return b64encode(self.content).decode()


@dataclass(frozen=True)
class Brand:
    """Hold who writes; a mail is whole without any of it.

    `sender` stands beside the address mail comes from, `reply_to` is where answers go, `help` an
    address, a page or words, `link` the page of who writes. Colours are `#rrggbb`.
    """

    name: str = ""
    sender: str = ""
    reply_to: str = ""
    logo: Logo | None = None
    color: str = "#1f6f64"
    color_dark: str = "#7fd1c3"
    footer: str = ""
    help: str = ""
    link: str = ""


NO_BRAND = Brand()


def logo_kind(content: bytes) -> str | None:
    """Tell what sort of picture bytes are; None for one that not every mail program shows."""
    return next((kind for kind, begin in LOGO_KINDS.items() if content.startswith(begin)), None)


def logo_named(rules: bytes) -> str | None:
    """Name the file of the logo in the text of a rule file, also of one with mistakes."""
    found = LOGO_NAMED.search(rules)
    return found[1].decode() if found else None


def contrast(one: str, other: str) -> float:
    """Tell how two colours stand out from each other, 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(color: str, ground: str, least: float = CONTRAST_LEAST) -> str:
    """Give the nearest colour of the same hue that can be read on a ground."""
    hue, light, saturation = rgb_to_hls(*_parts(color))
    goal = 0.0 if _luminance(ground) > 0.5 else 1.0
    for step in range(STEPS + 1):
        mixed = light + (goal - light) * step / STEPS
        found = _hex(hls_to_rgb(hue, mixed, saturation))
        if contrast(found, ground) >= least:
            return found
    return _hex((goal, goal, goal))


def dark_of(color: str) -> str:
    """Derive the colour for a dark screen, which is easy to read there."""
    return readable(color, DARK, least=DERIVED_CONTRAST)


def _parts(color: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _hex(parts: tuple[float, float, float]) -> str:
    return "#" + bytes(round(part * 255) for part in parts).hex()


def _luminance(color: str) -> float:
    """Reckon how light a colour is, 0 to 1 (WCAG 2.2, relative luminance)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in _parts(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
