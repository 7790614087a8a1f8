"""Adobe's API for tests: a real HTTP server with the limits and errors of the real one.

Rules are those of its developer manual and of the page on rate limits: 401 without a good token,
406 without the media type, 400 for too large pages, 429 with a decimal Retry-After, an offset of
500 at most. What it does not know it leaves out.
"""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.adobe_jobs import AdobeJobs

MEDIA_TYPE = "application/vnd.api+json"
BASE = "/primeapi/v2/"
HOUR = 3_600.0
TOKEN_SECONDS = 604_800

Reply = tuple[int, dict[str, str], Any]


def user(id: int | str, name: str, manager: int | str | None = None, **more: Any) -> dict[str, Any]:
    """A user as the API has it."""
    attributes = {"name": name, "email": f"{name.split()[0].lower()}@example.org", **more}
    found: dict[str, Any] = {"id": str(id), "type": "user", "attributes": attributes}
    if manager is not None:
        found["relationships"] = {"manager": {"data": {"id": str(manager), "type": "user"}}}
    return found


def learning_object(id: str, title: str, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A learning object with its instances, as the API has it."""
    names = [{"locale": "de-DE", "name": f"{title} (de)"}, {"locale": "en-US", "name": title}]
    data = [{"id": each["id"], "type": each["type"]} for each in instances]
    return {
        "id": id,
        "type": "learningObject",
        "attributes": {"localizedMetadata": names, "loType": id.split(":")[0], **more},
        "relationships": {"instances": {"data": data}},
        "own": list(instances),
    }


def instance(id: str, **attributes: Any) -> dict[str, Any]:
    """An instance of a learning object, as the API has it."""
    return {"id": id, "type": "learningObjectInstance", "attributes": attributes}


class AdobeApi:
    """The API of one account on a free port; what it holds may change while it runs.

    `spoil` may hold a request or answer it otherwise: it is given the path, and returns a reply
    or None.
    """

    def __init__(
        self,
        account: int = 1234,
        requests_an_hour: int = 500,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.account = account
        self.requests_an_hour = requests_an_hour
        self.users: dict[str, dict[str, Any]] = {}
        self.learning_objects: dict[str, dict[str, Any]] = {}
        self.time_zones = [
            {"id": "190", "timeZoneCode": "190", "zoneId": "Asia/Calcutta", "utcOffset": 330},
            {"id": "7", "timeZoneCode": "Europe/Berlin", "zoneId": "Europe/Berlin"},
        ]
        self.refresh_token = "refresh-1"
        self.token_seconds: float = TOKEN_SECONDS
        self.page_at_most = 100
        self.fails_on: str | None = None
        self.spoil: Callable[[str], Reply | None] = lambda path: None
        self.jobs = AdobeJobs()
        self.asked: list[tuple[float, str]] = []
        self.statuses: Counter[int] = Counter()
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.answer(self, {})

            def do_POST(self) -> None:
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api.answer(self, parse_qs(self.body.decode()))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a service that asks it."""
        return {
            "COURSEBELL_ADOBE_API_URL": self.url,
            "COURSEBELL_ADOBE_API_CLIENT_ID": "client-1",
            "COURSEBELL_ADOBE_API_CLIENT_SECRET": "hidden-1",
            "COURSEBELL_ADOBE_API_REFRESH_TOKEN": "refresh-1",
        }

    def know(self, *things: dict[str, Any]) -> None:
        """Users and learning objects that it knows from now on."""
        for each in things:
            kept = self.users if each["type"] == "user" else self.learning_objects
            kept[each["id"]] = each

    def forget_tokens(self) -> None:
        """Take back every token it has given."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def queries(self, path: str) -> list[dict[str, str]]:
        """What the requests for a path asked, in order."""
        parts = [urlsplit(target) for _, target in self.asked]
        found = [parse_qs(part.query) for part in parts if part.path == BASE + path]
        return [{name: values[0] for name, values in each.items()} for each in found]

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, list[str]]) -> None:
        """Answer one request, and note it."""
        spoilt = self.spoil(urlsplit(handler.path).path)
        with self._lock:
            if not self.jobs.is_elsewhere(handler.path):
                self.asked.append((time.monotonic(), handler.path))
            status, headers, document = spoilt or self._reply(handler, form)
            self.statuses[status] += 1
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": MEDIA_TYPE, **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _reply(self, handler: BaseHTTPRequestHandler, form: dict[str, list[str]]) -> Reply:
        target = urlsplit(handler.path)
        if self.jobs.is_elsewhere(handler.path):
            return self.jobs.download(handler)
        if target.path == "/oauth/token/refresh":
            return self._token({name: values[0] for name, values in form.items()})
        lately = sum(at > time.monotonic() - HOUR for at, _ in self.asked)
        if lately > self.requests_an_hour:
            return 429, {"retry-after": "10.752"}, {"message": "429 Too many requests"}
        scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
        if scheme not in ("oauth", "Bearer") or self._tokens.get(token, 0) < time.monotonic():
            return 401, {}, {"title": "Unauthorized"}
        if handler.headers.get("Accept") != MEDIA_TYPE:
            return 406, {}, {"title": "Not Acceptable"}
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path == BASE + "account":
            attributes = {"timeZones": self.time_zones}
            return 200, {}, {"data": {"id": str(self.account), "attributes": attributes}}
        if target.path == BASE + "users":
            return self._page(target.path, asked, self.users, self._managers)
        if target.path == BASE + "learningObjects":
            return self._page(target.path, asked, self.learning_objects, self._instances)
        if target.path.startswith(BASE + "jobs"):
            return self.jobs.reply(handler, self.url)
        return 404, {}, {"title": "Not Found"}

    def _token(self, form: dict[str, str]) -> Reply:
        wanted = {
            "client_id": "client-1",
            "client_secret": "hidden-1",
            "refresh_token": self.refresh_token,
        }
        if form != wanted:
            return 400, {}, {"error": "invalid_grant"}
        token = f"access-{len(self._tokens) + 1}"
        self._tokens[token] = time.monotonic() + self.token_seconds
        said = {
            "access_token": token, "refresh_token": self.refresh_token, "user_role": "admin",
            "account_id": self.account, "user_id": 1, "expires_in": self.token_seconds,
        }  # fmt: skip
        return 200, {}, said

    def _page(
        self,
        path: str,
        asked: dict[str, str],
        known: dict[str, dict[str, Any]],
        included: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    ) -> Reply:
        ids = [id for id in asked.get("ids", "").split(",") if id]
        limit, offset = int(asked.get("page[limit]", 10)), int(asked.get("page[offset]", 0))
        most = 10 if "include" in asked else 100
        if limit > most or len(ids) > most or offset > 500:
            return 400, {}, {"title": "Bad Request"}
        if self.fails_on in ids:
            return 500, {}, {"title": "Internal Server Error"}
        if any(not id.split(":")[-1].isdecimal() or id.endswith("666") for id in ids):
            return 400, {}, {"title": "Bad Request"}
        found = [known[id] for id in (ids or sorted(known)) if id in known]
        size = min(limit, self.page_at_most)
        page = found[offset : offset + size]
        document: dict[str, Any] = {
            "data": [{k: v for k, v in each.items() if k != "own"} for each in page]
        }
        if "include" in asked:
            document["included"] = included(page)
        if offset + size < len(found):
            query = urlencode({**asked, "page[offset]": str(offset + size)})
            document["links"] = {"next": f"{self.url}{path}?{query}"}
        return 200, {}, document

    def _managers(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        relations = [each["relationships"] for each in page if each.get("relationships")]
        led = [each["manager"]["data"]["id"] for each in relations if each["manager"]["data"]]
        return [self.users[id] for id in dict.fromkeys(led) if id in self.users]

    def _instances(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for each in page for one in each["own"]]
