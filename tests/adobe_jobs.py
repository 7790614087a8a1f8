"""The jobs of Adobe's API for tests, and the host elsewhere that holds the files they make.

Documents are those of the developer manual: `status.code` goes from Submitted to Completed, whose
`status.data` has the address. The newer ones of 2026 say a word, and name the file in `result`.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

ELSEWHERE = "/elsewhere/"
USERS, TRAININGS = "generateUsers", "generateTrainingReport"

USERS_TITLES = "internalUserID,userEmail,name,managerEmail,state,timeZoneCode,AF_Region,metadata"
TRAININGS_TITLES = (
    "Catalog Name,Training ID,Training Unique ID,Training Type,Training Name,Catalog Labels,Tags"
)


def users_report(*rows: str) -> bytes:
    """A report of users as Adobe writes it, with a byte order mark."""
    return "\n".join((USERS_TITLES, *rows, "")).encode("utf-8-sig")


def trainings_report(*rows: str) -> bytes:
    """A report of trainings as Adobe writes it, with a byte order mark."""
    return "\n".join((TRAININGS_TITLES, *rows, "")).encode("utf-8-sig")


class AdobeJobs:
    """Jobs by their ids; `contents` are what the next ones make, by type."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {USERS: users_report(), TRAININGS: trainings_report()}
        self.looks_until_done = 0
        self.ends_as = "Completed"
        self.address: str | None = None
        self.is_newer = False
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.looks: list[str] = []
        self.downloads: list[str] = []
        self.expired: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None
        """Done before a download is answered."""

    def is_elsewhere(self, path: str) -> bool:
        return path.startswith(ELSEWHERE)

    def reply(self, handler: BaseHTTPRequestHandler, url: str) -> tuple[int, dict[str, str], Any]:
        """Start a job, or tell of one."""
        id = urlsplit(handler.path).path.rpartition("/")[2]
        if handler.command == "POST":
            return self._begun(json.loads(handler.body))  # type: ignore[attr-defined]
        if not 1 <= int(id) <= len(self.started):
            return 400, {}, {"status": "BAD_REQUEST", "title": "OBJECT_DOESNT_EXIST"}
        self.looks.append(id)
        done = self.looks.count(id) > self.looks_until_done
        return 200, {}, self._document(id, self.ends_as if done else "InProgress", url)

    def _begun(self, document: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        said = document["data"]["attributes"]
        if document["data"]["type"] != "job" or said["jobType"] not in self.contents:
            return 400, {}, {"status": "BAD_REQUEST", "title": "Bad request"}
        self.started.append((said["jobType"], said["payload"]))
        return 200, {}, self._document(str(len(self.started)), "Submitted", "")

    def _document(self, id: str, code: str, url: str) -> dict[str, Any]:
        kind, payload = self.started[int(id) - 1]
        address = self.address or f"{url}{ELSEWHERE}{kind}/{id}.csv?X-Amz-Signature=s{id}"
        attributes: dict[str, Any] = {"jobType": kind, "payload": payload}
        done = code == "Completed"
        if self.is_newer:
            words = {"Submitted": "QUEUED", "InProgress": "IN_PROGRESS"}
            attributes["status"] = words.get(code, code.upper())
            attributes |= {"result": {"downloadUrl": address}} if done else {}
        else:
            attributes["status"] = {"code": code} | ({"data": {"s3Url": address}} if done else {})
        return {"data": {"id": id, "type": "job", "attributes": attributes}}

    def download(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], Any]:
        """Give a file to whoever has its address and shows no token: that is not this host's."""
        assert "Authorization" not in handler.headers
        self.meanwhile()
        kind, name = handler.path.removeprefix(ELSEWHERE).split("/")
        self.downloads.append(name)
        if name.partition(".")[0] in self.expired:
            return 403, {}, b"<Error><Code>AccessDenied</Code></Error>"
        return 200, {"Content-Type": "text/csv"}, self.contents[kind]
