"""All that is measured of PostgreSQL, on one server of the bench's own."""

from bench import sampling
from bench.postgresql import door, flow, sharing, take_over
from bench.postgresql.server import running
from bench.site import Site
from bench.table import Row
from tests.postgres import TO_HAVE, binaries


def measure(site: Site) -> list[Row]:
    """The flow by one and by several, the doors, each with floors, and who takes over."""
    site.say("postgres: a server")
    with running() as cluster:
        return [
            *flow.measure(site, cluster),
            *sharing.measure(site, cluster),
            *door.measure(site, cluster),
            *take_over.measure(site, cluster),
        ]


def lacks() -> str | None:
    """Say what the measurement needs and this machine does not have; None when nothing."""
    if binaries() is None:
        return f"needs PostgreSQL, found none; {TO_HAVE}"
    return sampling.lacks()
