"""The real service as a process: what a user starts, spoken to over real HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.chat_room import HERE
from tests.engines import ledger_environ
from tests.forks import Forked, run
from tests.installation import ROOT, body
from tests.metrics import numbers_in
from tests.waiting import until

RUN = ("run", "--port", "0")
FRESH = (sys.executable, "-m", "service")
ADDRESS = re.compile(r"on (http://\S+)")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RealService:
    """`coursebell run` on a free port with its own folder; `rules` as in tests.installation."""

    words = RUN

    def __init__(self, folder: Path, rules: str, **environ: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.rules = folder / "rules.yaml"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("COURSEBELL_")},
            "COURSEBELL_DATA": str(self.data),
            "COURSEBELL_RULES": str(self.rules),
            "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
            "COURSEBELL_EMAIL_URL": "drawer://",
            "COURSEBELL_CHAT_URL": "drawer://",
            "COURSEBELL_CHAT_PRIVATE_NETWORKS": HERE,
            "COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true",
            "COURSEBELL_ADMIN_TOKEN": "of-tests",
            "PYTHONPATH": str(ROOT),
            **ledger_environ(self.data),
            **environ,
        }
        self.write_rules(rules)

    def write_rules(self, rules: str) -> None:
        self.rules.write_text(
            "version: 1\nchannels:\n  email: ${COURSEBELL_EMAIL_URL}\n"
            f"  room: ${{COURSEBELL_CHAT_URL}}\nrules:\n{rules}"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts the process and waits until it listens."""
        self.log = (self.folder / "service.log").open("ab")
        self.process = self._begun()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := ADDRESS.search(line):
                self.address = found[1]
                return
        raise AssertionError(self.logged()[-2_000:])

    def _begun(self) -> Forked | subprocess.Popen[str]:
        return Forked(self.words, self.folder, self.environ, stderr=self.log)

    def stop(self) -> int:
        """Ends it as an operator does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self._let_go()
        return code

    def kill(self) -> None:
        """Ends it as the power does, if it was ever started."""
        if not hasattr(self, "process"):
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._let_go()

    def _let_go(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`coursebell …` beside the running service."""
        done = run(words, self.folder, self.environ)
        output, errors = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(words, done.returncode, output, errors)

    def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.address + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self.environ['COURSEBELL_ADMIN_TOKEN']}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def is_settled(self) -> bool:
        """Whether no letter waits and nothing is owed."""
        found = self.numbers()
        waiting = ('letters{state="waiting"}', 'notifications{state="owed"}', "views_lag_events")
        return bool(found) and all(found[f"coursebell_{name}"] == 0 for name in waiting)

    def numbers(self) -> dict[str, float]:
        """Its metrics; none while it cannot tell."""
        answer = self.call("GET", "/metrics")
        return numbers_in(answer.body.decode()) if answer.status == 200 else {}

    def check(self, name: str) -> dict[str, str] | None:
        """What readiness says of one of its parts; None where nothing is wrong with it."""
        checks = self.get("/readyz")["checks"]
        return next((each for each in checks if each["name"] == name), None)

    def logged(self) -> str:
        """All that it has written to its log, since its first start."""
        return (self.folder / "service.log").read_text()

    def import_people(self, text: str, *options: str) -> None:
        """Import a file of people, whether it runs or not."""
        (self.folder / "people.csv").write_text(text)
        done = self.command("people", "import", "people.csv", "--new", *options)
        assert done.returncode == 0, done.stderr

    def post(self, *events: dict[str, Any], **headers: str) -> Answer:
        """A letter from Adobe."""
        return self.call("POST", "/webhooks/adobe", body(*events), **headers)

    def get(self, path: str) -> Any:
        return self.call("GET", path).json

    def letter(self, n: int) -> dict[str, Any]:
        """A letter once it is taken."""
        return until(lambda: self._taken(n), f"letter {n} is taken")

    def _taken(self, n: int) -> dict[str, Any] | None:
        found: dict[str, Any] = self.get(f"/api/v1/letters/{n}")
        return None if found["state"] == "waiting" else found

    def notifications(self, when: Callable[[list[Any]], object], what: str) -> list[Any]:
        """The notifications, once they are as expected."""

        def found() -> list[Any] | None:
            items: list[Any] = self.get("/api/v1/notifications?limit=500")["items"]
            return items if when(items) else None

        return until(found, what)


class FreshService(RealService):
    """A service, and commands beside it, each in an interpreter of its own as users start them."""

    def _begun(self) -> Forked | subprocess.Popen[str]:
        return subprocess.Popen(
            [*FRESH, *self.words], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE,
            stderr=self.log, text=True,
        )  # fmt: skip

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FRESH, *words], cwd=self.folder, env=self.environ, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
