"""Make the link to a course from its id, for sources whose imports have none."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from service.learners.facts import course_id

NAMES = ("course.id", "course.type", "course.number", "event.account")
"""What a pattern may have in braces. Of `learningProgram:7` the type is what stands before the
colon, and the number what stands behind it; an id without a colon is all number."""
TELL_APART = ("course.id", "course.number")
"""A link without either would lead to the same page from every course."""
EXAMPLE = "https://lms.example.org/course/{course.id}"

_NAMED = re.compile(r"\{([^{}]*)\}")


def link_pattern(text: str) -> str:
    """Read the pattern of the links of a source; a ValueError says what was expected."""
    named = _NAMED.findall(text)
    known = ", ".join(f"{{{name}}}" for name in NAMES)
    if any(name not in NAMES for name in named):
        raise ValueError(f"no names in braces but {known}")
    if not set(named) & set(TELL_APART):
        raise ValueError(f"a link with {{course.id}} or {{course.number}} in it, e.g. {EXAMPLE}")
    filled = _NAMED.sub("1", text)
    if not is_web_address(filled) or set(filled) & set("{}") or "{" in text[: _path_at(text)]:
        raise ValueError(f"an https:// address, the names in braces behind its host: {EXAMPLE}")
    return text


def is_web_address(text: str) -> bool:
    """Tell whether a message may lead there: a web address and no blank, so no script either."""
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and not re.search(r"\s", text)


def course_link(pattern: str, account: str, course: str) -> str:
    """Fill the pattern of a course's source; what would be read as part of the URL is encoded.

    A colon may stand in a path as it is (RFC 3986 §3.3).
    """
    id = course_id(course)
    called, _, number = id.rpartition(":")
    values: Mapping[str, str] = dict(zip(NAMES, (id, called, number, account), strict=True))
    return _NAMED.sub(lambda found: quote(values[found[1]], safe=":"), pattern)


def _path_at(text: str) -> int:
    """Tell where the host ends."""
    beyond = re.search(r"[/?#]", text.partition("://")[2])
    return len(text) if beyond is None else text.index("://") + 3 + beyond.start()
