"""Read the URL of a mail server without repeating it."""

from collections.abc import Mapping
from email.utils import getaddresses
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import msgspec

from service.rules.text import nearest
from service.sending.channels.apprise_plugin import asset, mail_plugin_at
from service.sending.channels.channel import ChannelError
from service.sending.channels.mime import (
    HOST_NAME,
    AddressRefused,
    Mailbox,
    NamedMailbox,
    Sender,
    mailbox,
)
from service.sending.channels.url_parts import UrlParts, UrlRefused, parts_of, yes_or_no

EXPECTED = "mailtos://user:password@smtp.example.org?from=learning@example.org"
PASS = "pass"  # nosec B105 # the name of a parameter
PARAMETERS = ("from", "name", "reply_to", "cc", "bcc", "user", PASS, "smtp", "mode", "verify")
"""What may stand behind the `?`; docs/settings.md says what each means."""
ALIASES = {"reply": "reply_to", "reply-to": "reply_to", "password": PASS}
MODES = ("insecure", "starttls", "ssl")
TLS_PORT = 465
"""TLS from the first byte (RFC 8314 §3.3)."""


class SmtpServer(msgspec.Struct, frozen=True):
    """Name where mail goes out. `security` is `insecure`, `starttls` or `ssl`.

    `login`: user and password.
    """

    host: str
    port: int
    security: str
    verify: bool
    login: tuple[str, str] | None
    sender: Sender

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, {self.security})"


def server_at(name: str, url: str) -> SmtpServer:
    """Read the URL of channel `name`. Raises ChannelError without repeating it."""
    try:
        return _server(parts_of(url))
    except UrlRefused as refused:
        wrong = f"channel '{name}': expected a URL like {EXPECTED}"
        raise ChannelError(f"{wrong}; {refused}") from None


def _server(parts: UrlParts) -> SmtpServer:
    given = _parameters(parts.query)
    if parts.path != ("",):
        raise UrlRefused("path: expected nothing between the host and the ?; readers are no part")
    user, password = given.get("user", parts.user), given.get(PASS, parts.password)
    if bool(user) != bool(password):
        raise UrlRefused("user and password: expected both or neither; from= names a sender alone")
    options = {"mode": _mode(parts, given.get("mode")), "smtp": given.get("smtp")}
    read = _as_provider_asks(parts, (user or "", password or ""), options)
    return SmtpServer(
        host=read.smtp_host.strip("[]"),
        port=read.port,
        security=str(read.secure_mode),
        verify=yes_or_no("verify", given.get("verify", "yes")),
        login=(read.user, read.password) if user else None,
        sender=_sender(parts.host, user, given),
    )


def _parameters(query: Mapping[str, str]) -> dict[str, str]:
    """Read what stands behind the `?`; a name of which nobody reads the value is refused."""
    found: dict[str, str] = {}
    for number, (written, value) in enumerate(query.items(), 1):
        name = ALIASES.get(written, written)
        if name not in PARAMETERS:
            near = nearest(written, PARAMETERS)
            hint = f"; did you mean {near}=?" if near else ""
            known = ", ".join(PARAMETERS)
            raise UrlRefused(f"query: parameter {number} is not one of {known}{hint}")
        if name in found:
            raise UrlRefused(f"query: {name}= is given twice")
        if not value or not value.isprintable():
            raise UrlRefused(f"{name}=: expected a value on one line")
        found[name] = value
    return found


def _mode(parts: UrlParts, mode: str | None) -> str | None:
    """Say how the connection is secured; None where the provider or the scheme decides."""
    if mode is not None and mode.lower() not in MODES:
        raise UrlRefused(f"mode=: expected one of {', '.join(MODES)}")
    chosen = mode.lower() if mode is not None else None
    if parts.port == TLS_PORT and chosen not in (None, "ssl"):
        raise UrlRefused("mode=: port 465 is TLS from the first byte; leave mode= out")
    if parts.schema == "mailtos" and chosen == "insecure":
        raise UrlRefused("mode=: insecure contradicts mailtos://; write mailto://")
    return "ssl" if parts.port == TLS_PORT else chosen


def _as_provider_asks(
    parts: UrlParts, login: tuple[str, str], options: Mapping[str, str | None]
) -> Any:
    """Let apprise complete host, port, security and user, for the providers it knows by name."""
    for host in filter(None, (parts.host, options["smtp"])):
        if not HOST_NAME.fullmatch(host) and not _is_ip(host):
            raise UrlRefused("host: expected a host name or an IP address, [in brackets] if IPv6")
    query = "".join(f"&{name}={quote(value)}" for name, value in options.items() if value)
    user, password = (quote(each, safe="") for each in login)
    at = f"{user}:{password}@" if user else ""
    port = f":{parts.port}" if parts.port else ""
    url = f"{parts.schema}://{at}{parts.host}{port}?from=anybody@example.org{query}"
    read: Any = mail_plugin_at(url, asset())
    if not parts.host or read is None or not read.smtp_host:
        raise UrlRefused("host: expected the name of a mail server")
    return read


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return ":" not in host or host.startswith("[")


def _sender(host: str, user: str | None, given: Mapping[str, str]) -> Sender:
    """Read who the mail is from: `from=`, else the user, with the host if it is no address."""
    if "from" in given:
        named = _people("from", given["from"])
        if len(named) != 1:
            raise UrlRefused("from=: expected one address")
        (who,) = named
    elif user and not _is_ip(host):
        address = user if "@" in user else f"{user}@{host}"
        who = NamedMailbox(None, _mailbox("from", address))
    else:
        raise UrlRefused("from=: expected the address of the sender")
    return Sender(
        name=given.get("name", who.name),
        mailbox=who.mailbox,
        reply_to=_people("reply_to", given.get("reply_to", "")),
        cc=_people("cc", given.get("cc", "")),
        bcc=_people("bcc", given.get("bcc", "")),
    )


def _people(parameter: str, text: str) -> tuple[NamedMailbox, ...]:
    """Read addresses with commas between them, each bare or as `Name <address>`."""
    pairs = getaddresses([text]) if text else []
    hint = "; a name with a comma stands in quotes" if "," in text and "<" in text else ""
    found = tuple(NamedMailbox(name or None, _mailbox(parameter, at, hint)) for name, at in pairs)
    if parameter != "from" and not all(each.mailbox.local.isascii() for each in found):
        raise UrlRefused(f"{parameter}=: expected ASCII before the @, which every server takes")
    return found


def _mailbox(parameter: str, address: str, hint: str = "") -> Mailbox:
    try:
        return mailbox(address)
    except AddressRefused as refused:
        raise UrlRefused(f"{parameter}=: {refused}{hint}") from None
