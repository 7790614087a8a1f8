"""What an SMTP server's answer means for one mail."""

import re

from service.sending.parcel import Kind, Outcome

# RFC 3463; some servers put a hyphen or nothing after it.
ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
TEXT_MAX = 500

# Not about the recipient: the session or our account. 503 bad sequence; 530, 534, 535, 538
# authentication (RFC 4954 §6). Nobody's mail is given up because of our own configuration.
OURS = frozenset({421, 500, 502, 503, 530, 534, 535, 538})


def about_recipient(code: int, reply: bytes) -> Outcome:
    """Judge a reply to RCPT, DATA or the final dot: the enhanced code first, else the code."""
    text, status = _read(reply)
    return Outcome(_kind(code, status), code, status, text, about_channel=code in OURS)


def about_channel(code: int | None, reply: bytes | str, where: str) -> Outcome:
    """Judge a refusal at the greeting, EHLO, TLS, AUTH or MAIL FROM: always transient.

    It concerns every mail of the channel, so it is for the administrator to mend.
    """
    text, status = _read(reply.encode() if isinstance(reply, str) else reply)
    told = f"mail server, {where}: {text}"[:TEXT_MAX]
    return Outcome("transient", code, status, told, about_channel=True)


def _kind(code: int, status: str | None) -> Kind:
    if code in OURS:
        return "transient"
    decisive = status[0] if status and status[0] in "45" else str(code)[0]
    return "permanent" if decisive == "5" else "transient"


def _read(reply: bytes) -> tuple[str, str | None]:
    text = " ".join(reply.decode("utf-8", "replace").split())[:TEXT_MAX]
    match = ENHANCED.match(text)
    return text, match[1] if match else None
