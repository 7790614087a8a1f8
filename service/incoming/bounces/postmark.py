"""Read Postmark's webhooks of bounces and complaints, which come with Basic authentication.

https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

import re
from typing import Literal

import msgspec

from service.incoming.bounces.report import BounceReport, instant_of, json_said
from service.incoming.verifiers import Headers

BOUNCED_TYPES = frozenset({"HardBounce", "BadEmailAddress"})
"""What Postmark calls final and of the address; `Blocked` and the like are of the sender."""
COMPLAINT = "SpamComplaint"
STATUS = re.compile(r"(?:smtp; ?)?[0-9]{3}[ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9])")


class PostmarkEvent(msgspec.Struct, frozen=True, rename="pascal"):
    """Hold what happened to one message; Postmark's own id of it is none of ours."""

    type: str = ""
    record_type: str = ""
    email: str = ""
    details: str = ""
    bounced_at: str = ""

    @property
    def status(self) -> str:
        """Give the enhanced code in the server's own words, `smtp;550 5.1.1 …`; empty for none."""
        found = STATUS.match(self.details)
        return found[1] if found else ""

    @property
    def told(self) -> Literal["bounced", "complained"] | None:
        """Say what it says of the address; None where that is nothing."""
        if COMPLAINT in (self.record_type, self.type):
            return "complained"
        return "bounced" if self.type in BOUNCED_TYPES else None


def postmark_reports(headers: Headers, body: bytes) -> list[BounceReport]:
    """Read what a request says of an address; raises ReportRefused."""
    found = json_said(PostmarkEvent, body)
    if found.told is None:
        return []
    return [BounceReport(found.email, found.told, found.status, at=instant_of(found.bounced_at))]
