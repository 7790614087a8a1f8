"""Know which variables templates have: the fields of the registry, and what layouts say."""

import re
from collections.abc import Iterable, Mapping

from service.rules.language.brand import Brand
from service.rules.language.brand_keys import ADDRESS_FORM, WEB_FORM

Shape = dict[str, "Shape | None"]

AROUND = (
    *(f"language.{name}" for name in ("tag", "direction", "start", "end")),
    *(f"brand.{name}" for name in ("name", "logo", "color", "color_dark", "footer", "link")),
    *(f"brand.{name}" for name in ("reply_to", "help", "help_link")),
    "replies",
    "recipient.group",
    "learner.told_at",
    "rule.description",
    "show.score",
    "sections",
    "reasons",
)
"""What layouts say beside the fields of the registry; docs/templates.md explains each."""
REASONS = "reasons"
"""Why a message came: as whom, once for each role of its reader, and what its rules are for."""
REASON: Shape = dict.fromkeys(("role", "group", "rules"))
ANY = "*"
EXTRA_COLUMNS = "learner.fields.*"


def shape_of(fields: Iterable[str]) -> Shape:
    """Turn dotted names into a tree: `{"course": {"id": None, "title": None}, "others": None}`.

    Extra columns of an import, `learner.fields.<column>`, may have any name.
    """
    shape: Shape = {}
    for dotted in (*fields, EXTRA_COLUMNS):
        *groups, last = dotted.split(".")
        branch = shape
        for group in groups:
            below = branch.setdefault(group, {})
            branch = below if below is not None else {}
        branch.setdefault(last, None)
    return shape


def knows(shape: Shape, path: Iterable[str]) -> bool:
    """Tell whether a path ends at a field, not at a group and not beside the tree."""
    branch: Shape | None = shape
    for name in path:
        if branch is None or (name not in branch and ANY not in branch):
            return False
        branch = branch.get(name)
    return branch is None


def brand_values(brand: Brand) -> Mapping[str, str | None]:
    """Give what templates know of who writes; `logo` is what `src` names behind `cid:`."""
    return {
        "name": brand.name,
        "logo": brand.logo.cid if brand.logo else None,
        "color": brand.color,
        "color_dark": brand.color_dark,
        "footer": brand.footer,
        "link": brand.link or None,
        "reply_to": brand.reply_to or None,
        "help": brand.help,
        "help_link": _link_of(brand.help),
    }


def _link_of(text: str) -> str | None:
    """Make a link of an address or a page; None of other words."""
    if re.fullmatch(ADDRESS_FORM, text):
        return f"mailto:{text}"
    return text if re.fullmatch(WEB_FORM, text) else None
