"""The demo's installation: an academy, a clock turned by hand, and the real webhook."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import uvicorn

from service.app.app import App
from service.demo.academy import ACCOUNT, PEOPLE, Learner, courses_csv, people_csv
from service.incoming.group_commit import GroupCommit
from service.incoming.http_protocol import ImpatientProtocol
from service.incoming.verifiers import AllowEverybody, Authenticator
from service.incoming.webhook import WebhookEndpoint
from service.learners.directory.courses import Courses
from service.learners.directory.courses_csv import courses_in
from service.learners.directory.csv_file import CsvTable
from service.learners.directory.csv_import import import_rows
from service.learners.directory.people import People
from service.learners.directory.people_csv import people_in
from service.learners.enrollment_views import silences_between
from service.ledger.ledger import Ledger
from service.rules.triggers.stalled import stalled_rules
from service.sending import queue
from service.simulation.sandbox import ANSWER_SECONDS, in_the_drawer, own_settings


class Stage:
    """One installation. `now` (ms since 1970 UTC) is what every clock in it shows."""

    def __init__(self, folder: Path, rules: Path, templates: Path, now: int) -> None:
        """Opens an empty installation and imports the academy; raises Refused, OSError."""
        self.folder = folder
        self.now = now
        self.app = App(own_settings(folder, rules, templates))
        self.app.active = in_the_drawer(self.app.active)
        self.take_in_courses(courses_csv())
        self.take_in_people(PEOPLE)
        self.app.start(now)

    def close(self) -> None:
        """Lets go of the files."""
        self.app.close()

    def play_until(self, then: int) -> Iterator[None]:
        """Turns the clock on; stops wherever the service has something to do."""
        while self.now < then:
            self.now = min([then, *(at for at in self._due() if at > self.now)])
            if self.now < then:
                self.app.tick(self.now)
                yield

    def _due(self) -> Iterator[int]:
        """When messages are due, lists are closed, and the next silence has lasted long enough."""
        for name in self.app.deliveries:
            due = queue.next_due(self.app.views, name)
            if due is not None:
                yield due
        closes = queue.next_item_due(self.app.views)
        if closes is not None:
            yield closes
        for _, trigger in stalled_rules(self.app.active.decider.active):
            lasts = trigger.silence_ms + self.app.settings.sources["adobe"].lateness
            began = silences_between(
                self.app.views, trigger.count_from, self.now - lasts, self.now, 1
            )
            yield from (since + lasts for _, since in began)

    def take_in_courses(self, csv: str) -> None:
        """What `coursebell courses import` does."""
        self._import("courses.csv", csv, courses=True)

    def take_in_people(self, people: tuple[Learner, ...]) -> str:
        """What `coursebell people import` does, and what a running service does after it.

        Returns the name of the file.
        """
        name = "people.csv" if people == PEOPLE else "newcomers.csv"
        self._import(name, people_csv(people), courses=False)
        for delivery in self.app.deliveries.values():
            delivery.look_again(self.now)
        return name

    def _import(self, name: str, csv: str, *, courses: bool) -> None:
        """By a ledger of its own, as the command has: the service notices the change."""
        path = self.folder / name
        path.write_text(csv, encoding="utf-8")
        ledger = Ledger(self.folder / "ledger.db")
        try:
            with path.open("rb") as file:
                table = CsvTable(file, name)
                if courses:
                    import_rows(ledger, Courses(ledger).store, courses_in(table), self.now)
                else:
                    found = people_in(table, "adobe", str(ACCOUNT))
                    import_rows(ledger, People(ledger).store, found, self.now)
                table.detach()
        finally:
            ledger.close()


class Letterbox:
    """The way to the door, over HTTP."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)

    def post(self, body: bytes) -> None:
        """Sends one letter as Adobe does; raises OSError unless the answer is 202."""
        connection = HTTPConnection(*self._address, timeout=ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/webhooks/adobe", body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        if status != 202:
            raise OSError(status, f"the door: expected 202, got {status}")


@contextmanager
def open_door(stage: Stage) -> Iterator[Letterbox]:
    """The real door on a free port of the loopback address, for as long as the block lasts."""
    group_commit = GroupCommit(stage.app.letters)
    door = WebhookEndpoint(
        {"adobe": Authenticator(AllowEverybody())}, group_commit, lambda: stage.now
    )
    server = uvicorn.Server(
        uvicorn.Config(
            door, http=ImpatientProtocol, ws="none", lifespan="off", log_config=None,
            access_log=False,
        )
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
        serving.start()
        try:
            wait_for(server, serving)
            yield Letterbox(listening.getsockname()[1])
        finally:
            server.should_exit = True
            serving.join()
            group_commit.close()


def wait_for(server: uvicorn.Server, serving: threading.Thread) -> None:
    """Waits until the server listens; raises OSError when it ended instead."""
    while not server.started:
        if not serving.is_alive():
            raise OSError(0, "the door: expected it to open, but its server ended")
        time.sleep(0.005)
