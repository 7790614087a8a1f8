"""Post to chat rooms and webhooks with apprise: only the configured URL, one try, one answer."""

import logging
import re
from collections.abc import Sequence
from http.client import responses
from time import monotonic

import requests
from apprise import Apprise, AppriseResult, NotifyFormat
from apprise.result import AppriseResultStatus

from service.learners.feed_subjects import PRIVATE
from service.sending.channels.apprise_plugin import as_posted, taken_whole
from service.sending.channels.channel import Kind, OutgoingMessage, SendResult
from service.sending.channels.chat_url import refuse_private_host, room_at
from service.sending.channels.http_calls import Call, never_left, retry_after, watching
from service.sending.channels.private_networks import HINT, Network
from service.sending.templates.context import shortened
from service.sending.templates.templates import RenderedMessage

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 60.0
LEFT_ALONE_SECONDS = 5.0
"""How much later than that a call is given up that asks DNS, or hands over its words, for ever."""

# A character without width that keeps services from seeing a mention or a link.
GAP = "\N{ZERO WIDTH SPACE}"
WEB_ADDRESS = r"(?P<address>https?://[^\s<>\[\]\"'`\\]+)"
MENTION = re.compile(rf"{WEB_ADDRESS}|(?<![\w.+-])@(?=\S)", re.IGNORECASE)
CALL_TO_ALL = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.IGNORECASE)
TAG = re.compile(r"<(?=\S)")
LINK = re.compile(r"\](?=[(\[:])")


class ChatChannel:
    """Post to one room. Times are seconds: for a whole answer, and for the whole call.

    It connects to public addresses, and to those of the `private_networks`.
    """

    form = "chat"
    batch = 1
    domain: str | None = None
    replies = False

    def __init__(
        self,
        name: str,
        url: str,
        *,
        read_seconds: float = READ_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        private_networks: Sequence[Network] = (),
    ) -> None:
        self._total_seconds = total_seconds
        self._private_networks = private_networks
        self._plugin = room_at(name, url, total_seconds + LEFT_ALONE_SECONDS)
        refuse_private_host(name, self._plugin, private_networks)
        self._plugin.socket_connect_timeout = CONNECT_SECONDS
        self._plugin.socket_read_timeout = read_seconds
        self._apprise = Apprise(asset=self._plugin.asset)
        self._apprise.add(self._plugin)
        # At DEBUG it logs the path of every request, and a webhook's path is its password.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def fits(self, message: RenderedMessage) -> bool:
        """Tell whether the service takes the words whole."""
        title, body = self._parts(message)
        return not body or taken_whole(self._plugin, as_posted(self._apprise, title, body))

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Post once. A request that left and was not answered is unknown, not tried again.

        Nothing is cut: words that do not `fit` are left to the service to refuse.
        """
        title, body = self._parts(outgoing.message)
        call = Call(monotonic() + self._total_seconds, self._private_networks)
        with watching(call):
            result = self._apprise.notify(body=body, title=title, body_format=NotifyFormat.TEXT)
        return _outcome(result, call, outgoing)

    def close(self) -> None:
        """Let go of nothing: no connection is kept open."""

    def _parts(self, message: RenderedMessage) -> tuple[str, str]:
        """Return title and body; a subject too long for a title begins the body, whole."""
        title, body = literal(message.subject), literal(message.text).strip()
        if 0 < self._plugin.title_maxlen < len(title):
            return shortened(title, self._plugin.title_maxlen), f"{title}\n\n{body}"
        return title, body


def literal(text: str) -> str:
    """Return text that reads the same and calls nobody: no mention, no hidden link, no code.

    An @ in a web address stays, so that it leads where it should, unless it calls everybody.
    """
    text = LINK.sub(f"]{GAP}", TAG.sub(f"<{GAP}", MENTION.sub(_silenced, text)))
    return text.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}")


def _silenced(found: re.Match[str]) -> str:
    return CALL_TO_ALL.sub(f"@{GAP}", found["address"]) if found["address"] else f"@{GAP}"


def _outcome(result: AppriseResult, call: Call, outgoing: OutgoingMessage) -> SendResult:
    if call.refused:
        text = f"not connected: the host has a private address; {HINT}"
        return SendResult("transient", text=text, about_channel=True, where=PRIVATE)
    exchanges = call.exchanges
    if result.status == AppriseResultStatus.TIMEOUT:
        return SendResult("unknown", text="no answer in time")
    if not exchanges and not result:
        return SendResult("transient", text="nothing could be sent")
    last = exchanges[-1] if exchanges else None
    if isinstance(last, requests.RequestException):
        kind: Kind = "transient" if never_left(last) else "unknown"
        return SendResult(kind, text=f"no answer: {type(last).__name__}")
    code = last.status_code if last is not None else None
    if result:
        return SendResult("accepted", code)
    return _refusal(last, outgoing) if last is not None else SendResult("unknown", code)


def _refusal(response: requests.Response, outgoing: OutgoingMessage) -> SendResult:
    """Judge an answer that apprise did not count as success. Its body might quote the URL."""
    code = response.status_code
    text = f"HTTP {code} {responses.get(code, '')}".strip()
    if code in (408, 425, 429) or code >= 500:
        return SendResult(
            "transient", code, text=text, retry_after=retry_after(response, outgoing.sent_at)
        )
    if code >= 300:
        return SendResult("permanent", code, text=text)
    text += ", but the service did not say it was posted"
    return SendResult("unknown", code, text=text)
