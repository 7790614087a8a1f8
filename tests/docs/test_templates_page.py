"""docs/templates.md: its variables, filters and keys are those of the code."""

import re

from service.rules.language.brand_keys import BrandShape
from service.sending.templates.known_variables import AROUND
from service.sending.templates.sandbox import FILTERS_HERE
from tests.installation import ROOT

PAGE = (ROOT / "docs/templates.md").read_text()
ALIASES = {"e", "d"}
"""Short names of filters that have a long one."""


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"(?m)^\| (`.+?) \|", part.replace("\\|", "¦"))


def test_every_variable_of_layouts_is_explained() -> None:
    told = set()
    for cell in rows("Variables"):
        first, *more = re.findall(r"`([\w.]+)`", cell)
        group = first.partition(".")[0]
        told |= {first, *(name if not name.startswith(".") else group + name for name in more)}
    assert told - {"recipient.role"} == set(AROUND)


def test_every_filter_is_named_and_no_other() -> None:
    words = {word for cell in rows("Filters") for word in re.findall(r"`(?:\"key\"¦)?(\w+)", cell)}
    assert words == {name for name in FILTERS_HERE if not name.startswith("_")} - ALIASES


def test_every_key_of_the_brand_is_there() -> None:
    told = {word for cell in rows("Who writes") for word in re.findall(r"`(\w+)`", cell)}
    assert told == set(BrandShape.keys())


def test_every_file_and_language_it_names_is_there() -> None:
    tree = PAGE.partition("```\n")[2].partition("```")[0]
    for name in (
        "_layout/email.html",
        "_layout/email.txt",
        "_languages/en.yaml",
        "_languages/de.yaml",
    ):
        assert name.rpartition("/")[2] in tree
        assert (ROOT / "templates" / name).is_file()
    for path in re.findall(r"\]\(([\w./-]+\.md)", PAGE):
        assert (ROOT / "docs" / path).is_file(), path
