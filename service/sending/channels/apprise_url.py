"""Read channel URLs with apprise, without letting it say them aloud."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from apprise import Apprise, AppriseAsset, NotifyBase

LOGGER = logging.getLogger("apprise")


def asset(seconds: float = 60.0) -> AppriseAsset:
    """Return how apprise presents us: our name, no pictures, no redirects, `seconds` a call."""
    return AppriseAsset(
        app_id="Coursebell",
        app_desc="Coursebell",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        default_service_retry=0,
        service_timeout=seconds,
    )


def plugin_at(url: str, how: AppriseAsset) -> NotifyBase | None:
    """Return apprise's reading of a URL, None when it has none."""
    with _silence():
        return Apprise.instantiate(url, asset=how)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep apprise's complaints about a URL out of the log: they quote it, secrets and all."""
    LOGGER.addFilter(_nothing)
    try:
        yield
    finally:
        LOGGER.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False
