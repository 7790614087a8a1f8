"""Workers in processes of their own who share the letters of one ledger."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection

from bench.flow import like_the_service
from bench.postgresql.crew import READY
from bench.site import BEGIN
from service.app.app import App, settings_of
from service.ledger.sql import CONFLICTS
from service.ledger.store import Lease

REST_SECONDS = 0.005


def worker(pipe: Connection, environ: Mapping[str, str], first: bool) -> None:
    """Share out the work when told so, and take letters when told what time it is.

    The `first` has all of the work until others want their parts, and keeps the office.
    """
    app = App(settings_of(environ))
    if first:
        app.start(BEGIN)
    threading.Thread(target=hold_on, args=(app.ledger.lease,), daemon=True).start()
    like_the_service()
    pipe.send(READY)
    while True:
        if (now := pipe.recv()) is None:
            app.ledger.lease.acquire()
            pipe.send(len(app.ledger.lease.held))
        else:
            pipe.send(worked(app, now))


def hold_on(lease: Lease) -> None:
    """Renew what is held, as the service does beside its work."""
    while True:
        time.sleep(lease.renew_every or 1.0)
        if lease.held:
            lease.renew()


def worked(app: App, now: int) -> float:
    """Take letters until none waits, whosever it is; returns the processor's seconds."""
    if not app.intake.is_office:
        standing = app.agreed_files.standing()
        app.active = app.settled(app.active, now)
        app.writer.rests_on = lambda: standing
    cpu = time.process_time()
    while app.letters.oldest_waiting() is not None:
        with suppress(*CONFLICTS):  # another was quicker again and again: so does the service
            app.take(now)
        time.sleep(REST_SECONDS)
    return time.process_time() - cpu
