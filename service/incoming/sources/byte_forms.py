"""Turn JSON into plain UTF-8, in whatever form of bytes its sender wrote it."""

import codecs
import json
import re

WRAPPER = re.compile(
    rb"@(?:\x06string|\x0cbase64Binary)\x083http://schemas\.microsoft\.com/2003/10/Serialization/"
)
"""The element around what an old .NET client gave to a `BrokeredMessage`, in [MC-NBFX]."""

LENGTHS = {
    first + more: size
    for first in (0x98, 0x9E, 0xB6)  # UTF-8, bytes as they are, UTF-16
    for more, size in ((0, 1), (2, 2), (4, 4))
}
"""How many bytes say how long a record is, by its kind; the kind above each ends the element."""

CODE_PAGES = ("iso8859-", "cp", "koi8-")


def plain_utf8(body: bytes) -> bytes:
    """Read UTF-8, UTF-16 or UTF-32 by its byte order mark or its zeros (RFC 4627 §3), unwrapped.

    What is of no such form stays as it is. Raises UnicodeDecodeError.
    """
    inner = unwrapped(body).lstrip(codecs.BOM_UTF8)
    encoding = json.detect_encoding(inner)
    if encoding == "utf-8":
        return inner
    return inner.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")


def unwrapped(body: bytes) -> bytes:
    """Take the text out of the element that an old .NET client puts around it."""
    found = WRAPPER.match(body)
    if found is None:
        return body
    at, parts = found.end(), []
    while (size := LENGTHS.get(kind := body[at] & ~1 if at < len(body) else 0)) is not None:
        ends, start = body[at] != kind, at + 1 + size
        at = start + int.from_bytes(body[at + 1 : start], "little")
        parts.append(body[start:at])
        if ends:
            break
    return b"".join(parts)


def declared_utf8(body: bytes, charset: str) -> bytes:
    """Read what is not UTF-8 in the code page that its sender named beside it.

    JSON has no charset but UTF-8 (RFC 8259 §8.1, §11): what is named counts where that fails.
    What names no code page leaves it as it is.
    """
    try:
        known = codecs.lookup(charset).name
        if known.startswith(CODE_PAGES) and json.detect_encoding(body) == "utf-8":
            return body if _is_utf8(body) else body.decode(known).encode()
    except (LookupError, UnicodeError):
        return body
    return body


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
