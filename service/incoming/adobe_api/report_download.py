"""Download a finished report into a file, from wherever its job says it is."""

from collections.abc import Callable
from time import monotonic
from typing import BinaryIO
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3.exceptions import HTTPError

from service.incoming.adobe_api.http_exchange import PIECE_BYTES, ApiTrouble, Request, answered

WHOLE_SECONDS = 1_200.0
REPORT_BYTES = 2 * 1024**3
"""What half a million people with 4 KiB each take, which is more than they do."""


class DownloadRefused(Exception):
    """Say why a report is not to be had from its URL, also later; the URL is not in it."""


class ReportDownload:
    """Download reports: over TLS and from public addresses, unless the API is a local one.

    Their URLs are signed by who made them ("presigned"), so they get no token of ours.
    """

    def __init__(self, api_url: str, is_public: Callable[[str], bool]) -> None:
        """Take a function that tells of a host whether it is none of a private network."""
        self._api = urlsplit(api_url)
        self._is_public = is_public

    def into(self, file: BinaryIO, url: str, moved: Callable[[], None]) -> None:
        """Write what is at the URL; call `moved` after each piece.

        Raises DownloadRefused, and ApiTrouble for what may be well later.
        """
        self._check(url)
        until = monotonic() + WHOLE_SECONDS
        try:
            with answered(Request("GET", url, {}), until) as response:
                _insist_on_success(response)
                _copy(response, file, moved)
        except (requests.RequestException, HTTPError) as error:
            words = f"the report's download broke off ({type(error).__name__})"
            trouble = ApiTrouble(words, "unreachable")
            if monotonic() >= until:
                trouble = ApiTrouble(f"no whole report in {WHOLE_SECONDS:g} s", "timeout")
            raise trouble from None

    def _check(self, url: str) -> None:
        try:
            found = urlsplit(url)
            host = found.hostname
        except ValueError:
            found, host = SplitResult("", "", "", "", ""), None
        local = self._api.scheme == "http" == found.scheme and host == self._api.hostname
        if not host or (found.scheme != "https" and not local):
            raise DownloadRefused("expected an https:// address of the report, got another")
        if not local and not self._is_public(host):
            raise DownloadRefused("the report's address is of a private network")


def _insist_on_success(response: requests.Response) -> None:
    status = response.status_code
    if status == 429 or status >= 500:
        raise ApiTrouble(f"the report's download answered {status}", "server_error")
    if status != 200:
        hint = "; its address may have expired" if status == 403 else ""
        raise DownloadRefused(f"expected the report at its address, got {status}{hint}")


def _copy(response: requests.Response, file: BinaryIO, moved: Callable[[], None]) -> None:
    for piece in response.iter_content(PIECE_BYTES):
        file.write(piece)
        moved()
        if file.tell() > REPORT_BYTES:
            raise DownloadRefused(f"a report has more than {REPORT_BYTES:,} bytes")
