"""The faults of a campaign, each by its name: what breaks, for how long, and how it is mended."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.installation import DAY
from tests.reliability.failing_calls import SYNC, WRITE
from tests.reliability.victim import Scene, is_so
from tests.smtp_sink import DROP, KEEP_AND_DROP, SLOW

MONTH_SECONDS = 31 * DAY // 1000
CALLS_OF_A_LETTER = 60
PATIENCE = 2.0
"""So many seconds to wait for what need not come: the channel may be at rest."""


class Fault(NamedTuple):
    """`does` breaks something, and mends it as it is left; a start may fail meanwhile.

    `alone`: no process is ended while it lasts. `disk`: it needs a disk of its own, so root.
    """

    words: str
    does: Callable[[Scene, Random], AbstractContextManager[None]]
    alone: bool = False
    disk: bool = False


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, words: str, *, alone: bool = False, disk: bool = False
) -> Callable[[Callable[[Scene, Random], Iterator[None]]], None]:
    """Put a fault into the table."""

    def put(does: Callable[[Scene, Random], Iterator[None]]) -> None:
        FAULTS[name] = Fault(words, contextmanager(does), alone, disk)

    return put


def a_moment(scene: Scene, chance: Random) -> None:
    """Wait for some more letters, or for some more mails, which need not come."""
    counted = chance.choice([scene.crowd.acked, scene.sink.mails])
    expected = len(counted) + chance.randint(1, 40)
    is_so(lambda: len(counted) >= expected, PATIENCE)


@fault("kill", "`kill -9` at a moment of chance under load")
def kill(scene: Scene, chance: Random) -> Iterator[None]:
    a_moment(scene, chance)
    scene.service.kill()
    yield


@fault("kill at the start", "`kill -9` as soon as it listens")
def kill_at_the_start(scene: Scene, chance: Random) -> Iterator[None]:
    scene.service.kill()
    if scene.service.try_to_start():
        time.sleep(chance.random() / 10)
        scene.service.kill()
    yield


@fault("kill with a mail in hand", "`kill -9` while the mail server thinks about the final dot")
def kill_in_hand(scene: Scene, chance: Random) -> Iterator[None]:
    slow = scene.sink.hold()
    is_so(slow.entered.is_set, PATIENCE)
    scene.service.kill()
    slow.go_on.set()
    yield


@fault("kill at a call", "`kill -9` before or after a write, an fsync or a send of chance")
def kill_at_a_call(scene: Scene, chance: Random) -> Iterator[None]:
    moment = chance.choice(["kill before", "kill after"])
    scene.service.calls.fail(moment, at=chance.randint(1, 4 * CALLS_OF_A_LETTER))
    is_so(lambda: not scene.service.is_up(), 5)
    scene.service.calls.let()
    yield


@fault("SIGTERM", "a polite end under load: exit code 0 within 20 seconds", alone=True)
def term(scene: Scene, chance: Random) -> Iterator[None]:
    a_moment(scene, chance)
    assert scene.service.stop() == 0
    yield


@fault("freeze", "SIGSTOP, and SIGCONT 1 to 20 seconds later", alone=True)
def freeze(scene: Scene, chance: Random) -> Iterator[None]:
    scene.service.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds(chance, 1, 20))
    yield
    scene.service.process.send_signal(signal.SIGCONT)


@fault("power cut", "what was not synced is gone, and the process", alone=True, disk=True)
def cut(scene: Scene, chance: Random) -> Iterator[None]:
    """The process first: ext4 answers some syncs with success while it is being shut down, and who
    is still there to hear that promises what will be gone (29 of 17,612 letters in 660 cuts).
    """
    assert scene.disk is not None
    a_moment(scene, chance)
    scene.service.process.kill()
    scene.disk.cut_the_power()
    scene.service.kill()
    scene.disk.eject()
    scene.disk.power_on()
    yield


@fault("disk full", "not a byte is left, for a second or more", disk=True)
def fill(scene: Scene, chance: Random) -> Iterator[None]:
    assert scene.disk is not None
    filler = scene.disk.folder / "filler"
    scene.disk.fill(filler)
    refused = scene.crowd.refused
    is_so(lambda: scene.crowd.refused > refused + 3, 3)
    yield
    filler.unlink()


@fault("read-only", "every write to the data folder is EROFS, for a second or more")
def read_only(scene: Scene, chance: Random) -> Iterator[None]:
    yield from failing(scene, chance, "EROFS", WRITE)


@fault("EIO", "every write or every fsync is EIO, for a second or more")
def eio(scene: Scene, chance: Random) -> Iterator[None]:
    yield from failing(scene, chance, "EIO", chance.choice([WRITE, SYNC]))


@fault("ENOSPC", "every write or every fsync is ENOSPC, for a second or more")
def enospc(scene: Scene, chance: Random) -> Iterator[None]:
    yield from failing(scene, chance, "ENOSPC", chance.choice([WRITE, SYNC]))


def failing(scene: Scene, chance: Random, action: str, kinds: int) -> Iterator[None]:
    scene.service.calls.fail(action, kinds)
    refused = scene.crowd.refused
    is_so(lambda: scene.crowd.refused > refused + 3, 3)
    yield
    scene.service.calls.let()


@fault("locked", "another program holds the ledger's lock longer than a sender waits", alone=True)
def locked(scene: Scene, chance: Random) -> Iterator[None]:
    other = sqlite3.connect(scene.service.data / "ledger.db", isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(seconds(chance, 5, 35))
    yield
    other.execute("ROLLBACK")
    other.close()


@fault("views damaged", "the views or their log are cut, deleted or overwritten under the service")
def damage(scene: Scene, chance: Random) -> Iterator[None]:
    file = scene.service.data / chance.choice(["views.db", "views.db-wal"])
    harm = chance.choice([Path.unlink, noise, lambda found: os.truncate(found, 0), cut_in_half])
    if file.exists():
        harm(file)
    yield


def noise(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(os.urandom(10_000))


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@fault("clock ahead", "the wall clock is a month ahead, for some seconds")
def clock_ahead(scene: Scene, chance: Random) -> Iterator[None]:
    yield from clock(scene, chance, MONTH_SECONDS)


@fault("clock behind", "the wall clock is two days behind, for some seconds")
def clock_behind(scene: Scene, chance: Random) -> Iterator[None]:
    yield from clock(scene, chance, -2 * DAY // 1000)


def clock(scene: Scene, chance: Random, jump: int) -> Iterator[None]:
    scene.service.move(scene.service.ahead + jump)
    time.sleep(seconds(chance, 2, 6))
    yield
    scene.service.move(scene.service.ahead)


@fault("mail server down", "nobody listens, and open connections end")
def mail_down(scene: Scene, chance: Random) -> Iterator[None]:
    scene.sink.down()
    time.sleep(seconds(chance, 1, 10))
    yield
    scene.sink.up()


@fault("mail server slow", "twenty final dots are answered late, and one only after seconds")
def mail_slow(scene: Scene, chance: Random) -> Iterator[None]:
    scene.sink.on("dot", SLOW, times=20)
    slow = scene.sink.hold()
    is_so(slow.entered.is_set, PATIENCE)
    time.sleep(seconds(chance, 1, 10))
    yield
    slow.go_on.set()


@fault("greylisting", "recipients are 450 the first time")
def greylist(scene: Scene, chance: Random) -> Iterator[None]:
    yield from ordered(scene, "RCPT", "450 4.7.1 come again", chance.randint(1, 20))


@fault("mail server busy", "421 at the greeting")
def mail_busy(scene: Scene, chance: Random) -> Iterator[None]:
    scene.sink.hang_up()
    yield from ordered(scene, "greeting", "421 4.3.2 too busy", 1)


@fault("cut before the last reply", "the mail is taken, and the connection ends without a word")
def cut_at_the_dot(scene: Scene, chance: Random) -> Iterator[None]:
    yield from ordered(scene, "dot", KEEP_AND_DROP, 1)


@fault("cut within a mail", "the connection ends instead of an answer")
def cut_within(scene: Scene, chance: Random) -> Iterator[None]:
    yield from ordered(scene, chance.choice(["MAIL", "RCPT", "DATA", "dot"]), DROP, 1)


def ordered(scene: Scene, verb: str, reply: str, times: int) -> Iterator[None]:
    order = scene.sink.on(verb, reply, times=times)
    is_so(lambda: order.times == 0, PATIENCE)
    yield
    order.times = 0


LONG = os.environ.get("LONG") == "yes"


def seconds(chance: Random, least: float, most: float) -> float:
    """A span of chance; in short campaigns not much longer than the least."""
    return chance.uniform(least, most if LONG else least * 1.2)
