"""Declare the settings of bounces that come later: who may report them, and from where."""

import re
from dataclasses import dataclass, fields
from urllib.parse import unquote, urlsplit

from service.incoming.bounces.sendgrid import public_key
from service.settings.variables import optional, setting, several

BOUNCES = "BOUNCES_"
"""How the names of these variables begin, after COURSEBELL_."""
VISIBLE = "[!-~]+"
ARN = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?"
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


def sendgrid_key(text: str) -> str:
    """Read a verification key as SendGrid shows it."""
    public_key(text)
    return text


def login(text: str) -> tuple[str, str]:
    """Read user and password with a colon between them."""
    user, colon, password = text.partition(":")
    if not user or not colon or not re.fullmatch(VISIBLE, password):
        raise ValueError("user:password")
    return user, password


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSettings:
    """Hold who may report bounces and complaints; without any nobody may."""

    dsn_token: tuple[str, ...] = setting(
        several(VISIBLE, "a token of visible ASCII characters without blanks"),
        "Bearer token of `POST /webhooks/bounces/dsn`; several with commas between them.",
        secret=True,
    )
    ses_topic: tuple[str, ...] = setting(
        several(ARN, "the ARN of a topic like arn:aws:sns:eu-west-1:123456789012:bounces"),
        "Amazon SES: ARN of the SNS topic that brings bounces and complaints to `POST "
        "/webhooks/bounces/ses`; several with commas between them. Messages of other topics are "
        "refused, whoever signed them.",
        secret=True,
    )
    sendgrid_key: str | None = setting(
        optional(sendgrid_key),
        "SendGrid: verification key of the signed Event Webhook, which posts to "
        "`/webhooks/bounces/sendgrid`, as SendGrid shows it.",
        secret=True,
    )
    postmark_login: tuple[str, str] | None = setting(
        optional(login),
        "Postmark: `user:password` of the webhook that posts bounces and complaints to "
        "`/webhooks/bounces/postmark`, as set there for Basic authentication.",
        secret=True,
    )
    mailgun_key: tuple[str, ...] = setting(
        several(VISIBLE, "a key of visible ASCII characters without blanks"),
        "Mailgun: HTTP webhook signing key, for `POST /webhooks/bounces/mailgun`; several with "
        "commas between them, to replace one without a gap.",
        secret=True,
    )
    imap_url: str | None = setting(
        optional(imap_url),
        "Mailbox in which bounces arrive, `imaps://user:password@imap.example.org/INBOX`, read "
        "once a minute. Characters but letters, digits and `-._~` are percent-encoded.",
        secret=True,
    )

    @property
    def reporters(self) -> list[str]:
        """Name who may report one: `ses` and the like by its door, `imap` the mailbox."""
        told = (each.name for each in fields(self) if getattr(self, each.name))
        return [name.partition("_")[0] for name in told]

    @property
    def are_reported(self) -> bool:
        """Tell whether anybody may report one over HTTP."""
        return any(each != "imap" for each in self.reporters)
