"""`.ci/audit.py`, by pip-audit itself: a hole is found, and no answer is never taken for none."""

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.installation import ROOT

AUDIT = ROOT / ".ci/audit.py"
HOLE: dict[str, Any] = {
    "id": "GHSA-cpwx-vrp4-4pq7",
    "affected": [{
        "package": {"name": "jinja2", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.6"}]}],
    }],
}  # fmt: skip


class Osv:
    """The API of OSV: advisories by package and version, or a status of trouble."""

    def __init__(self) -> None:
        self.holes: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.status = 200
        self.url = ""

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(query["package"]["name"])
        holes = self.holes.get((query["package"]["name"], query["version"]))
        return {"vulns": holes} if holes else {}


@pytest.fixture
def osv() -> Iterator[Osv]:
    osv = Osv()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(osv.status)
            self.end_headers()
            self.wfile.write(json.dumps(osv.answer(query)).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    osv.url = f"http://127.0.0.1:{server.server_port}"
    yield osv
    server.shutdown()
    server.server_close()


def audit(url: str, lock: Any) -> tuple[int, str]:
    """Audit a lock by the OSV at `url`; PyPI is behind a proxy that is not there."""
    away = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    here = {"PIP_AUDIT_OSV_URL": url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, AUDIT, lock],
        env=os.environ | away | here, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert not ran.stderr
    return ran.returncode, ran.stdout


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "some.lock"
    path.write_text(
        "jinja2==3.1.5 \\\n    --hash=sha256:00\n    # via coursebell\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:11\n"
    )
    return path


def test_an_advisory_is_red_and_says_what_mends_it(osv, lock):
    osv.holes["jinja2", "3.1.5"] = [HOLE]
    code, said = audit(osv.url, lock)
    assert code == 1
    assert f"{lock}: osv looked at 2 of 2 packages\n" in said
    assert "  jinja2 3.1.5: GHSA-cpwx-vrp4-4pq7, mended in 3.1.6\n" in said


def test_no_advisory_is_green_once_every_package_was_looked_at_of_every_platform(osv, lock):
    osv.holes["jinja2", "3.1.4"] = [HOLE]
    assert audit(osv.url, lock) == (0, f"{lock}: osv looked at 2 of 2 packages\n")
    assert sorted(osv.asked) == ["colorama", "jinja2"]


@pytest.mark.parametrize("status", [404, 503])
def test_a_source_in_trouble_is_neither(osv, lock, status):
    osv.status = status
    code, said = audit(osv.url, lock)
    assert code == 75
    assert "osv looked at 0 of 2 packages: " in said and "pypi looked at 0 of 2 packages: " in said


def test_a_source_that_is_not_there_is_neither(lock):
    code, said = audit("http://127.0.0.1:9", lock)
    assert code == 75 and "osv looked at 0 of 2 packages: " in said


def test_a_package_that_an_index_does_not_know_was_not_looked_at(monkeypatch, capsys, lock):
    """What pip-audit says, with exit 0, of a mirror of PyPI that serves no advisories."""
    skipped = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be …"}
    monkeypatch.syspath_prepend(AUDIT.parent)
    audit = importlib.import_module("audit")
    monkeypatch.setattr(audit, "_asked", lambda *_: ([skipped], ""))
    assert audit.main([str(lock)]) == 75
    assert "pypi looked at 0 of 2 packages\n" in capsys.readouterr().out
