"""Who writes: what `brand` takes, and what it refuses with its place."""

import pytest

from service.rules.language.brand import (
    DARK,
    LIGHT,
    LOGO_BYTES_MAX,
    NO_BRAND,
    contrast,
    dark_of,
    logo_named,
    readable,
)
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.sending.channels.mime import mailbox

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
FILES = {"logo.png": PNG, "big.png": PNG + b"\0" * LOGO_BYTES_MAX, "logo.gif": b"<svg/>"}


def beside(name: str) -> bytes:
    if name not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[name]


def read(brand: str):
    text = f"version: 1\nbrand:\n{brand}\nrules: []\n"
    rules, problems = read_rules(text, environ={}, installed=Installed(beside=beside))
    return rules and rules.brand, [str(each).removeprefix("rules.yaml:") for each in problems]


def test_a_file_without_a_brand_has_none():
    rules, _ = read_rules("version: 1\nrules: []\n", environ={})
    assert rules and rules.brand == NO_BRAND
    assert contrast(NO_BRAND.color, LIGHT) >= 4.5
    assert contrast(NO_BRAND.color_dark, DARK) >= 4.5


def test_a_brand_is_read_whole():
    brand, problems = read(
        "  name: Example Academy\n  sender: Learning\n  reply_to: o'brien@example.org\n"
        '  logo: logo.png\n  color: "#8A1C1C"\n  footer: Main Street 1\n'
        "  help: https://help.example.org\n  link: https://example.org\n"
    )
    assert problems == []
    assert brand.logo.kind == "png"
    assert brand.logo.content == PNG
    assert (brand.name, brand.sender, brand.color) == ("Example Academy", "Learning", "#8a1c1c")
    assert str(mailbox(brand.reply_to)) == brand.reply_to
    assert contrast(brand.color_dark, DARK) >= 7


def test_the_name_is_the_senders_too():
    brand, _ = read("  name: Example Academy")
    assert brand.sender == "Example Academy"


MISTAKES = {
    "a colour after a bare #": (
        "  color: #ff0000",
        "3:3: 'color' has no value; write one (in quotes, if it begins with #), or take the line "
        "out",
    ),
    "a colour by its name": (
        "  color: red",
        "3:10: expected a colour like \"#1f6f64\", in quotes; got 'red'",
    ),
    "a colour nobody can read on white": (
        '  color: "#ffcc00"',
        "3:10: #ffcc00 cannot be read on white: expected a contrast of 4.5 at least, got 1.5; "
        'try "#8f7200"',
    ),
    "a colour nobody can read in the dark": (
        '  color_dark: "#222222"',
        "3:15: #222222 cannot be read on a dark screen: expected a contrast of 4.5 at least, got "
        '1.0; try "#8a8a8a"',
    ),
    "a key that is not there": (
        "  colour: '#1f6f64'",
        "3:3: unknown key 'colour'; did you mean 'color'?",
    ),
    "an answer to nowhere": (
        "  reply_to: learning",
        "3:13: expected one address like learning@example.org, in ASCII; got 'learning'",
    ),
    "a link that is none": (
        "  link: example.org",
        "3:9: expected an address like https://learning.example.org; got 'example.org'",
    ),
    "a logo elsewhere": (
        "  logo: ../logo.png",
        "3:9: expected the name of a .png, .jpg or .gif that lies beside the rule file, such as "
        "logo.png; save the picture there, as it travels inside each mail; got '../logo.png'",
    ),
    "a logo on the web": (
        "  logo: https://example.org/logo.png",
        "3:9: expected the name of a .png, .jpg or .gif that lies beside the rule file, such as "
        "logo.png; save the picture there, as it travels inside each mail; got this text",
    ),
    "another word for the name": (
        "  title: Academy",
        "3:3: unknown key 'title'; did you mean 'name'?",
    ),
    "another word for the page": (
        "  website: https://example.org",
        "3:3: unknown key 'website'; did you mean 'link'?",
    ),
    "a logo that is not there": (
        "  logo: longo.png",
        "3:9: no logo 'longo.png' beside the rule file: No such file or directory",
    ),
    "a logo too large": (
        "  logo: big.png",
        "3:9: expected a picture of at most 49,152 bytes; it travels in every mail; make it "
        "smaller",
    ),
    "a logo that is no picture": (
        "  logo: logo.gif",
        "3:9: expected a picture in PNG, JPEG or GIF, which mail programs show",
    ),
    "words on two lines": (
        '  footer: "one\\ntwo"',
        "3:11: expected words on one line, 200 characters at most; got this text",
    ),
    "a brand that is a name": ("  Example", "2:1: expected a mapping"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_at_its_place(case):
    written, told = MISTAKES[case]
    brand, problems = read(written)
    assert brand is None
    assert len(problems) == 1
    if case != "a brand that is a name":
        assert problems == [told]


@pytest.mark.parametrize("color", ["#1f6f64", "#8a1c1c", "#000000", "#1a0dab", "#767676"])
def test_the_dark_colour_is_derived_and_read_easily(color):
    assert contrast(dark_of(color), DARK) >= 7


@pytest.mark.parametrize("color", ["#ffcc00", "#ffffff", "#7fd1c3", "#ff00ff"])
def test_what_is_proposed_can_be_read(color):
    assert contrast(readable(color, LIGHT), LIGHT) >= 4.5


def test_the_logo_of_a_file_is_found_whatever_else_is_wrong_in_it():
    assert logo_named(b"brand:\n  logo: 'our logo.png'  # ours\nrules: [") == "our logo.png"
    assert logo_named(b"brand: {}\nrules: []\n") is None
