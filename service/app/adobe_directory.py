"""Wire Adobe's API to what is kept of people and courses, by the settings."""

import socket
from collections.abc import Callable
from functools import partial

from service.incoming.adobe_api.client import AdobeApi, ApiAccess
from service.incoming.adobe_api.directory_rows import SOURCE
from service.incoming.adobe_api.refresh import AdobeRefresh, AskedOf
from service.incoming.adobe_api.report_download import ReportDownload
from service.incoming.adobe_api.reports import AdobeReports
from service.learners.directory.people_import import SHARE_MISSING
from service.learners.enrollment_views import courses_of
from service.ledger.store import Store
from service.ledger.views import Views
from service.sending import queue
from service.sending.channels.private_networks import is_reachable
from service.settings import Settings


def adobe_api(settings: Settings, ledger: Store, clock: Callable[[], int]) -> AdobeApi | None:
    """Make the client of the API; None when its settings are not given."""
    given = settings.adobe_api
    if given.client_id is None or given.client_secret is None or given.refresh_token is None:
        return None
    access = ApiAccess(
        url=given.url,
        client_id=given.client_id,
        client_secret=given.client_secret,
        refresh_token=given.refresh_token,
        scheme=given.scheme,
    )
    return AdobeApi(access, ledger, clock)


def adobe_refresh(
    api: AdobeApi, views: Views, *, max_age: int, told: Callable[[], None]
) -> AdobeRefresh:
    """Let the API fill in people and courses; `told` is called when it has."""
    wanted = AskedOf(
        waited_for=partial(queue.learners_waited_for, views),
        courses=partial(courses_of, views, SOURCE),
    )
    return AdobeRefresh(api, wanted, max_age=max_age, told=told)


def adobe_reports(
    api: AdobeApi,
    settings: Settings,
    *,
    clock: Callable[[], int],
    told: Callable[[], None] = lambda: None,
    allow_missing: int = SHARE_MISSING,
) -> AdobeReports:
    """Fetch Adobe's reports, not from private networks; `told` is called when one is on disk.

    Of those known `allow_missing` percent may be missing from the report of all users.
    """
    download = ReportDownload(settings.adobe_api.url, has_public_address)
    return AdobeReports(api, download, clock=clock, told=told, allow_missing=allow_missing)


def has_public_address(host: str) -> bool:
    """Tell of a host whether none of its addresses is of a private network, as chat may reach.

    One that has none here is the proxy's to find, if there is one.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return True
    return all(is_reachable(str(address[0]), ()) for *_, address in found)
