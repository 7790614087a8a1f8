"""Every chat service that is accepted, as a server of ours that answers as each of them does.

No address is asked for: what is posted to a service of the internet goes to this machine.
"""

import json
import re
import threading
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.sending.channels import http_calls

HERE = "chat.example.org"
HEX = "3ccdd113474722377935511fc85d3dd4"
UUID = "8b799edf-6f98-4d3a-9be7-2862fb4e5752"

WITHOUT_HTTP = {
    "vapid": "posts what only a browser can decipher, with keys from a file",
}
URLS = {
    "apprise": f"apprise://{HERE}/{HEX}",
    "bark": f"bark://{HERE}/device",
    "betterstack": f"betterstack://{HEX}",
    "bluesky": "bluesky://handle@app-password",
    "chanify": f"chanify://{HEX}",
    "cliq": f"cliq://1000.{HEX}.{HEX}/channel",
    "dingtalk": f"dingtalk://{HEX}",
    "discord": "discord://000000000000000000/" + 64 * "A",
    "dot": f"dot://apikey@{HEX[:12].upper()}/text/",
    "evolution": f"evolution://{HEX}@{HERE}/instance/15551234567",
    "feishu": f"feishu://{HEX}",
    "flock": f"flock://{UUID}",
    "fluxer": "fluxer://000000000000000000/" + 64 * "A",
    "form": f"form://{HERE}/hook",
    "gchat": "gchat://workspace/key/token",
    "goalert": f"goalert://{HERE}/{UUID}",
    "gotify": f"gotify://{HERE}/A{14 * 'b'}",
    "groupme": f"groupme://{HEX[:26]}",
    "guilded": "guilded://000000000000000000/" + 64 * "A",
    "hassio": f"hassio://{HERE}/{HEX}",
    "humhub": f"humhub://{HEX}@{HERE}/1",
    "ifttt": f"ifttt://{HEX}@event/",
    "ilert": f"ilert://{HEX}",
    "incidentio": f"incidentio://{HEX}/{HEX}",
    "jira": f"jira://{UUID}",
    "join": f"join://{HEX}/group.all",
    "json": f"json://{HERE}/hook",
    "kook": f"kook://{HEX}/1234567890",
    "lametric": f"lametric://{UUID.replace('-', '')}@{HERE}",
    "lark": f"lark://{HEX}",
    "line": f"line://{HEX}/U{HEX}",
    "mastodon": f"mastodon://{HEX}@{HERE}",
    "matrix": f"matrix://{HERE}/?mode=slack&token={64 * 'a'}",
    "misskey": f"misskey://{HEX}@{HERE}",
    "mmost": f"mmost://{HERE}/{HEX}",
    "ncloud": f"ncloud://user:pass@{HERE}/admin",
    "nctalk": f"nctalk://user:pass@{HERE}/roomid",
    "notica": "notica://abc123",
    "notifiarr": f"notifiarr://{HEX}/12345678",
    "notifico": "notifico://1234/ckhrjW8w672m6HG",
    "ntfy": f"ntfy://{HERE}/topic",
    "onebot": f"onebot://{HERE}/123456789",
    "onesignal": f"onesignal://{UUID}@{HEX}/player",
    "opsgenie": f"opsgenie://{UUID}",
    "pagerduty": "pagerduty://integration@apikey",
    "pagertree": "pagertree://int_abc1234567",
    "pbul": f"pbul://{HEX}",
    "pjet": f"pjet://{HERE}/{HEX}",
    "pover": f"pover://{30 * 'u'}@{30 * 'a'}",
    "prowl": f"prowl://{HEX}{HEX[:8]}",
    "psafer": f"psafer://{HEX[:20]}",
    "pushdeer": f"pushdeer://{HEX}",
    "pushed": f"pushed://{HEX}/{HEX}{HEX}",
    "pushme": f"pushme://{HEX}",
    "pushplus": f"pushplus://{HEX}",
    "pushy": f"pushy://{HEX}/@topic",
    "reddit": "reddit://user:pass@clientid/secret/apprise",
    "revolt": f"revolt://{HEX}/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "rocket": f"rocket://{HEX}%2F{HEX}@{HERE}/#room",
    "ryver": "ryver://apprise/ckhrjW8w672m6HG",
    "signal": f"signal://{HERE}/15551234567/15557654321",
    "signl4": f"signl4://{HEX}",
    "simplepush": "spush://HuxgBB",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#room",
    "slack-blocks": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#room?blocks=yes",
    "spike": f"spike://{HEX}",
    "splunk": f"splunk://route@{UUID}",
    "spugpush": f"spugpush://{HEX}",
    "squadcast": f"squadcast://{HEX}",
    "stackfield": f"stackfield://{UUID}",
    "strmlabs": f"strmlabs://{HEX}{HEX[:8]}",
    "synology": f"synology://{HERE}/{HEX}",
    "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544",
    "threema": f"threema://*THREEMA@{HEX}/ABCDEFGH",
    "trigv": f"trigv://trgv_12345678_{HEX}",
    "twist": "twist://user@example.org/pass/#room",
    "webex": f"wxteams://{HEX}{HEX}{16 * 'a'}",
    "wecombot": f"wecombot://{UUID}",
    "workflows": f"workflows://{HERE}/{HEX}/{43 * 'a'}",
    "wpush": "wpush://WPUSH" + 27 * "a",
    "wxpusher": "wxpusher://AT_appid/123",
    "xml": f"xml://{HERE}/hook",
    "zoom": f"zoom://{HEX}/token",
    "zulip": f"zulip://bot@org/{HEX}/room",
}

ANSWER: dict[str, Any] = {
    "access_token": "token", "code": 0, "data": {"authToken": "token", "id": "1", "userId": "1"},
    "default_workspace": 1, "did": "did:plc:1", "errcode": 0, "id": "1", "ok": True,
    "requestId": "1", "result": {"message_id": 1}, "retcode": 0, "stat": "ok",
    "status": "success", "success": True, "token": "token", "userId": "1",
}  # fmt: skip
"""Says yes in the words of all of them."""


class Services:
    """All services at once: keeps the texts that were posted, decoded as a reader sees them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        self._patch = patch

    def __enter__(self) -> Self:
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                services.texts += texts_in(self.path, self.rfile.read(length).decode())
                answer = json.dumps(answer_to(self.path)).encode()
                self.send_response_only(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST  # noqa: N815  (the names that http.server calls)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self._patch.setattr(http_calls, "_exchanged", self._to_us(http_calls._exchanged))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _to_us(self, exchanged: Any) -> Any:
        def sent(call: Any, request: Any, options: Any) -> Any:
            asked = urlsplit(request.url)
            where = f"127.0.0.1:{self._server.server_port}"
            request.url = asked._replace(scheme="http", netloc=where).geturl()
            return exchanged(call, request, options)

        return sent


def answer_to(path: str) -> Any:
    if path.endswith("/channels/get"):
        return [{"name": "room", "id": 1}]
    if "/did:plc:" in path:
        service = {"type": "AtprotoPersonalDataServer", "serviceEndpoint": f"https://{HERE}"}
        return {"service": [service], "id": "did:plc:1"}
    return ANSWER


def texts_in(path: str, body: str) -> list[str]:
    """Every text in a request, without escapes and what has no width."""
    query = [value for _, value in parse_qsl(urlsplit(path).query)]
    found = [text for value in (*query, body) for text in texts_of(value)]
    return [unescape(text).replace("\u200b", "").replace("\xa0", " ") for text in found]


def texts_of(value: Any) -> Iterator[str]:
    """Every text in JSON, a form, XML, or JSON in one of those."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_of(each)
    elif isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            inner = None
        form = parse_qsl(value) if re.match(r"[\w.\[\]-]+=", value) else []
        if isinstance(inner, dict | list):
            yield from texts_of(inner)
        elif form:
            yield from (text for _, each in form for text in texts_of(each))
        else:
            yield value
