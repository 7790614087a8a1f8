"""Set up the demo's academy in a sandbox, and open the real webhook to it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import uvicorn

from service.demo.academy import ACCOUNT, PEOPLE, AcademyLearner, courses_csv, people_csv
from service.incoming.group_commit import GroupCommit
from service.incoming.http_protocol import ImpatientProtocol
from service.incoming.verifiers import Authenticator
from service.incoming.webhook import WebhookEndpoint
from service.learners.directory.courses import Courses
from service.learners.directory.courses_csv import courses_in
from service.learners.directory.people import People
from service.learners.directory.people_csv import people_in
from service.learners.directory.tables.csv_cells import RowScope
from service.learners.directory.tables.csv_file import CsvTable
from service.learners.directory.tables.csv_import import import_rows
from service.ledger.store import Store
from service.simulation.sandbox import Sandbox, own_settings

ANSWER_SECONDS = 10.0


def open_academy(folder: Path, rules: Path, templates: Path, now: int) -> Sandbox:
    """Open a sandbox that knows the academy's people and courses; raises Refused, OSError."""
    academy = Sandbox(own_settings(folder, rules, templates), now)
    with _csv_file(academy, "courses.csv", courses_csv()) as (ledger, table):
        import_rows(ledger, Courses(ledger).store, courses_in(table), now=now)
    import_people(academy, PEOPLE)
    academy.start()
    return academy


def import_people(academy: Sandbox, people: tuple[AcademyLearner, ...]) -> str:
    """Do what `coursebell people import` does, and a running service after it.

    Returns the name of the file.
    """
    name = "people.csv" if people == PEOPLE else "newcomers.csv"
    with _csv_file(academy, name, people_csv(people)) as (ledger, table):
        found = people_in(table, RowScope("adobe", str(ACCOUNT)))
        import_rows(ledger, People(ledger).store, found, now=academy.now)
    for delivery in academy.app.deliveries.values():
        delivery.look_again(academy.now)
    return name


@contextmanager
def _csv_file(academy: Sandbox, name: str, csv: str) -> Iterator[tuple[Store, CsvTable]]:
    """Open a file to import, and a ledger as a command has it: the service notices the change."""
    path = academy.app.settings.data / name
    path.write_text(csv, encoding="utf-8")
    ledger = academy.app.settings.ledger.open()
    try:
        with path.open("rb") as file:
            table = CsvTable(file, name)
            yield ledger, table
            table.detach()
    finally:
        ledger.close()


class WebhookClient:
    """Post letters to the webhook over HTTP."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)

    def post(self, body: bytes) -> None:
        """Send one letter as Adobe does; raises OSError unless the answer is 202."""
        connection = HTTPConnection(*self._address, timeout=ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/webhooks/adobe", body, headers=headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        if status != 202:
            raise OSError(status, f"the webhook: expected 202, got {status}")


@contextmanager
def open_webhook(academy: Sandbox) -> Iterator[WebhookClient]:
    """Serve the real webhook on a free port of the loopback address while the block lasts."""
    group_commit = GroupCommit(academy.app.letters)
    endpoint = WebhookEndpoint(
        {"adobe": Authenticator(is_open=True)}, group_commit, lambda: academy.now
    )
    server = uvicorn.Server(
        uvicorn.Config(
            endpoint,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
        serving.start()
        try:
            wait_for(server, serving)
            yield WebhookClient(listening.getsockname()[1])
        finally:
            server.should_exit = True
            serving.join()
            group_commit.close()


def wait_for(server: uvicorn.Server, serving: threading.Thread) -> None:
    """Wait until the server listens; raises OSError when it ended instead."""
    while not server.started:
        if not serving.is_alive():
            raise OSError(0, "the webhook: expected it to open, but its server ended")
        time.sleep(0.005)
