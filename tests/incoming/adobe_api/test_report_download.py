"""A report is downloaded whole or not at all, and neither for ever nor without end."""

import io
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from service.incoming.adobe_api import report_download
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.adobe_api.report_download import DownloadRefused, ReportDownload

BODY = b"internalUserID,name\n" + b"77,Ada\n" * 100


@pytest.fixture
def host():
    """A host that answers each path in its own way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(dict(self.headers))
            self.send_response(302 if self.path == "/moved" else 200)
            if self.path == "/moved":
                self.send_header("Location", "/whole")
            missing = 10 if self.path == "/cut" else 0
            self.send_header("Content-Length", str(len(BODY) + missing))
            self.end_headers()
            if self.path == "/slow":
                with suppress(OSError):
                    for byte in BODY:
                        self.wfile.write(bytes([byte]))
                        self.server.gone.wait(0.05)
                return
            self.wfile.write(BODY)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.gone = [], threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.gone.set()
        server.shutdown()


def downloaded(host, path, moved=lambda: None):
    file = io.BytesIO()
    ReportDownload(host.url, lambda _: False).into(file, host.url + path, moved)
    return file.getvalue()


def test_it_comes_whole_with_no_token_not_even_one_of_a_netrc(host, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden-1\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert downloaded(host, "/whole") == BODY
    assert "Authorization" not in host.asked[0]


def test_one_that_breaks_off_is_not_taken_for_a_whole_one(host):
    with pytest.raises(ApiTrouble, match="broke off"):
        downloaded(host, "/cut")


def test_no_redirect_is_followed(host):
    with pytest.raises(DownloadRefused, match="302"):
        downloaded(host, "/moved")


def test_it_has_an_end_in_size_and_in_time(host, monkeypatch):
    monkeypatch.setattr(report_download, "REPORT_BYTES", 100)
    with pytest.raises(DownloadRefused, match="more than 100 bytes"):
        downloaded(host, "/whole")
    monkeypatch.undo()
    monkeypatch.setattr(report_download, "WHOLE_SECONDS", 0.2)
    with pytest.raises(ApiTrouble, match="no whole report"):
        downloaded(host, "/slow")


def test_nobody_there_is_a_trouble_without_the_address(host):
    host.shutdown()
    host.server_close()
    with pytest.raises(ApiTrouble, match="broke off") as caught:
        downloaded(host, "/whole?X-Amz-Signature=hidden-1")
    assert "hidden-1" not in str(caught.value)
