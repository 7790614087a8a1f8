"""The victim of a campaign: a real service whose disk, clock and system calls can fail."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

from tests.installation import DONE
from tests.reliability.adobe import Crowd, people
from tests.reliability.disk import Disk
from tests.reliability.failing_calls import Calls
from tests.running.moved_clock import MovedService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

HOP_SECONDS = 61
"""Past the minute that a channel rests, and the first wait of a mail."""
LEAP_SECONDS = 540
"""Too little for the clock to be doubted."""
LEAPS = 60
LIVELY = 3
"""So many letters more, and a service is well again."""


class Victim(MovedService):
    """`calls` of it and of commands beside it can fail."""

    def __init__(self, folder: Path, data: Path, **environ: str) -> None:
        super().__init__(folder, DONE, COURSEBELL_DATA=str(data), **environ)
        self.data = data
        self.calls = Calls(folder, data)
        self.environ.update(self.calls.environ)
        self.environ["LD_PRELOAD"] += f" {self.calls.shim}"
        self.ahead = 0

    def hop(self, by: int = HOP_SECONDS) -> None:
        """Let a while pass, for what is to be tried again; a person says the clock is right."""
        self.ahead += by
        self.move(self.ahead)
        self.command("clock", "accept")

    def is_up(self) -> bool:
        return self.process.poll() is None

    def try_to_start(self) -> bool:
        """Start it; false where it says that it cannot now."""
        try:
            self.start()
        except AssertionError:
            self.kill()
            return False
        return True


class Scene:
    """A victim with its mail server, the crowd that writes to it, and its disk if there is one."""

    def __init__(
        self,
        folder: Path,
        clients: int = 4,
        *,
        with_disk: bool = True,
        victim: type[Victim] = Victim,
    ) -> None:
        self._open = ExitStack()
        self.folder = folder
        self.disk = self._open.enter_context(Disk(folder)) if with_disk else None
        here = own_address()
        self.sink = self._open.enter_context(SmtpSink(host=here))
        data = (self.disk.folder if self.disk else folder) / "data"
        self.service = victim(
            folder,
            data,
            COURSEBELL_EMAIL_URL=self.sink.url,
            COURSEBELL_HOST=here,
            COURSEBELL_STORM_LIMIT="1000000",
        )
        self.crowd = Crowd(self.service, clients)

    def __enter__(self) -> Self:
        self._open.callback(self.service.kill)
        try:
            self.service.start()
            self.service.import_people(people())
            self._open.enter_context(self.crowd)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def recover(self) -> None:
        """Go on after something was broken: started again if it must be, it takes letters."""
        if not self.service.is_up():
            self.service.kill()
            self.service.start()
        self.service.hop()
        if self.crowd.clients:
            self.crowd.wait_for(LIVELY)

    def settle(self) -> None:
        """Let time pass until nothing is owed."""
        for _ in range(LEAPS):
            if is_so(self.service.is_settled, 2):
                return
            self.service.hop(LEAP_SECONDS)
        raise AssertionError("everything owed is sent: waited in vain")


def own_address() -> str:
    """An address of this machine that nobody else uses: another program may get a port of ours
    while nobody listens there, and answer 202 to our crowd."""
    chance = SystemRandom()
    return f"127.{chance.randint(1, 254)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"


def is_so(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for something that need not come; tells whether it did."""
    try:
        until(condition, "", seconds)
    except AssertionError:
        return False
    return True
