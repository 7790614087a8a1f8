"""Declare the settings of bounces that come later: who may report them, and from where."""

import re
from dataclasses import dataclass, fields
from urllib.parse import unquote, urlsplit

from service.settings.variables import optional, setting, several

BOUNCES = "BOUNCES_"
"""How the names of these variables begin, after COURSEBELL_."""
VISIBLE = "[!-~]+"
EXPECTED_IMAP = "a URL like imaps://user:password@imap.example.org/INBOX"


def imap_url(text: str) -> str:
    """Read where a mailbox is: the password leaves this machine only under TLS."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(EXPECTED_IMAP) from None
    parts = [url.username, url.password, url.path.removeprefix("/") or "INBOX"]
    said = [each for each in parts if each and re.fullmatch(r"[ -~]+", unquote(each))]
    plain = url.hostname and port != 0 and not (url.query or url.fragment)
    if (
        url.scheme != "imaps"
        or not plain
        or len(said) < len(parts)
        or '"' in unquote(parts[2] or "")
    ):
        raise ValueError(EXPECTED_IMAP)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSettings:
    """Hold who may report bounces and complaints; without any nobody may."""

    dsn_token: tuple[str, ...] = setting(
        several(VISIBLE, "a token of visible ASCII characters without blanks"),
        "Bearer token of `POST /webhooks/bounces/dsn`; several with commas between them.",
        secret=True,
    )
    imap_url: str | None = setting(
        optional(imap_url),
        "Mailbox in which bounces arrive, `imaps://user:password@imap.example.org/INBOX`, read "
        "once a minute. Characters but letters, digits and `-._~` are percent-encoded.",
        secret=True,
    )

    @property
    def are_reported(self) -> bool:
        """Tell whether anybody may report one over HTTP."""
        return any(getattr(self, each.name) for each in fields(self) if each.name != "imap_url")
