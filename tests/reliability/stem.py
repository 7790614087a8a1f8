"""A stem: has every module of the service loaded, and becomes the service each time it is asked.

What runs is `coursebell run` in a process of its own; only importing the modules, most of the
time of a start, is spared. `SproutingService` is the test's side.
"""

import os
import re
import signal
import subprocess
import sys

from service.cli import main
from service.sending.channels.smtp_session import server_at
from tests.real_service import ADDRESS, RealService

STARTED = re.compile(r"started (\d+)$")
NUMBER = re.compile(r'^coursebell_(\w+(?:\{state="\w+"\})?) (\S+)$', re.MULTILINE)
ENDED = re.compile(r"ended (-?\d+)$")


class SproutingService(RealService):
    """A real service that starts within a tenth of a second, to be killed again and again."""

    pid = 0

    def start(self) -> None:
        """Starts the process and waits until it listens."""
        if not hasattr(self, "process"):
            self.log = (self.folder / "service.log").open("ab")
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.reliability.stem"], cwd=self.folder,
                env=self.environ, text=True, stderr=self.log, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write("start\n")
        self.process.stdin.flush()
        self.pid = int(self._line(STARTED))
        self.address = self._line(ADDRESS)

    def _line(self, pattern: re.Pattern[str]) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := pattern.search(line.rstrip()):
                return found[1]
        raise AssertionError((self.folder / "service.log").read_text()[-2_000:])

    def _end(self, how: signal.Signals) -> int:
        pid, self.pid = self.pid, 0
        os.kill(pid, how)
        return int(self._line(ENDED))

    def is_settled(self) -> bool:
        """Whether no letter waits and nothing is owed."""
        numbers = dict(NUMBER.findall(self.call("GET", "/metrics").body.decode()))
        waiting = ('letters{state="waiting"}', 'notifications{state="owed"}', "views_lag_events")
        return all(float(numbers[name]) == 0 for name in waiting)

    def stop(self) -> int:
        """Ends it as an operator does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def die(self) -> None:
        """kill -9."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def kill(self) -> None:
        """Ends the service and the stem."""
        if self.pid:
            self._end(signal.SIGKILL)
        assert self.process.stdin is not None
        self.process.stdin.close()
        super().kill()


def say(words: str) -> None:
    os.write(1, words.encode() + b"\n")


def become_the_service() -> None:
    code = 1
    try:
        main(["run", "--port", "0"], prog_name="coursebell")
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    server_at("email", "mailto://localhost?from=a@example.org")  # apprise loads its plugins now
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            say(f"started {os.getpid()}")
            become_the_service()
        _, status = os.waitpid(child, 0)
        say(f"\nended {os.waitstatus_to_exitcode(status)}")
