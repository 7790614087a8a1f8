"""The nemesis: a seeded schedule of faults over a real service under load, and the verdict.

A round is one installation from its first letter to the last look into its books. The same seed
makes the same schedule; threads make no two rounds quite the same.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, NamedTuple

from tests.reliability.books import (
    Books,
    check_ledger,
    check_letters,
    check_mails,
    check_repeats,
    check_views,
)
from tests.reliability.disk import why_no_disk
from tests.reliability.failing_calls import ACTIONS
from tests.reliability.faults import FAULTS
from tests.reliability.victim import Scene, is_so

STEPS = 8
TOGETHER = 0.4
"""So often a process is killed while something else is broken."""
KILLS = ("kill", "kill at the start", "kill with a mail in hand")
QUIET_SECONDS = 0.2
SWEPT = ("EIO", "ENOSPC", "kill before", "kill after")


class BadRound(AssertionError):
    """A round that ended badly, and what was broken in it until then."""

    def __init__(self, error: Exception, faults: Counter[str]) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.faults = dict(faults)


class Step(NamedTuple):
    """A fault, and another one meanwhile."""

    fault: str
    meanwhile: str | None


def schedule(chance: Random, wanted: Sequence[str], steps: int = STEPS) -> Iterator[Step]:
    """Draw steps: each fault before any comes twice, in an order of chance."""
    names: list[str] = []
    kills = [name for name in KILLS if name in wanted]
    for _ in range(steps):
        names = names or chance.sample(wanted, len(wanted))
        name = names.pop()
        both = kills and not FAULTS[name].alone and not name.startswith("kill")
        yield Step(name, chance.choice(kills) if both and chance.random() < TOGETHER else None)


def possible() -> list[str]:
    """The faults that can be made here."""
    return [name for name, each in FAULTS.items() if not (each.disk and why_no_disk())]


def play(folder: Path, seed: int, wanted: Sequence[str], steps: int = STEPS) -> dict[str, Any]:
    """Play one round; returns what it was and what came of it."""
    chance, done, begun = Random(seed), Counter[str](), time.monotonic()
    try:
        with Scene(folder, with_disk=why_no_disk() is None) as scene:
            for step in schedule(chance, wanted, steps):
                done.update(filter(None, step))
                suffer(scene, step, chance)
            scene.crowd.leave()
            found = verdict(scene)
    except Exception as error:
        raise BadRound(error, done) from error
    return {"faults": dict(done), **found, "seconds": round(time.monotonic() - begun, 1)}


def suffer(scene: Scene, step: Step, chance: Random) -> None:
    """One step, after which the service must be well again."""
    try:
        with FAULTS[step.fault].does(scene, chance):
            if step.meanwhile:
                with FAULTS[step.meanwhile].does(scene, chance):
                    pass
                scene.service.try_to_start()
        scene.recover()
    except AssertionError as error:
        error.add_note(f"at the step {step}")
        raise


def verdict(scene: Scene) -> dict[str, Any]:
    """Settle, stop, and look into the books; raises AssertionError with what is wrong."""
    scene.settle()
    assert scene.service.stop() == 0
    check_ledger(scene.service)
    with Books(scene.service.data) as books:
        unknowns = books.unknowns()
        check_letters(books, scene.crowd)
        copies = check_mails(books, scene.sink, unknowns)
        repeats = check_repeats(scene.sink)
    check_views(scene.service, scene.service.data)
    return {
        "letters": len(scene.crowd.acked), "refused": scene.crowd.refused,
        "mails": copies.total(), "repeats": repeats, "unknown": unknowns.total(),
    }  # fmt: skip


def sweep(folder: Path, action: str, first: int = 1, stride: int = 1) -> dict[str, Any]:
    """Let each call of one letter's life fail so, from its door to its mail; every `stride`-th."""
    begun, at = time.monotonic(), first
    with Scene(folder, clients=0, with_disk=False) as scene:
        while one_life(scene, action, at):
            at += stride
        scene.crowd.leave()
        found = verdict(scene)
    swept = {f"{action} at a call": (at - first) // stride}
    return {"faults": swept, **found, "seconds": round(time.monotonic() - begun, 1)}


def one_life(scene: Scene, action: str, at: int) -> bool:
    """Post one letter and let its call with this number fail; false when it has fewer."""
    service, before = scene.service, len(scene.sink.mails)
    service.calls.fail(action, at=at, until=at)
    posting = Thread(target=scene.crowd.post_one)
    posting.start()
    is_so(lambda: service.calls.fired or len(scene.sink.mails) > before, 10)
    seen = -1
    while seen != service.calls.seen and not service.calls.fired:
        seen = service.calls.seen
        time.sleep(QUIET_SECONDS)
    fired = bool(service.calls.fired)
    service.calls.let()
    if fired and ACTIONS[action] < 0:
        is_so(lambda: not service.is_up(), 5)
        service.kill()
        service.start()
    posting.join()
    if fired:
        service.hop()
    return fired
