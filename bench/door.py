"""The door: single-event posts a second, kept, beside the same server keeping nothing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from bench.door_server import MODES
from bench.feed import completion
from bench.running import AUTHORIZATION
from bench.site import BEGIN, ROOT, Site
from bench.table import Row

PROGRAM = "wrk"
CONNECTIONS = (32, 256)
AIM_FORGOTTEN, AIM_ONE_BY_ONE = 0.5, 3.0
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Load(msgspec.Struct, frozen=True):
    """What `wrk` saw: posts a second, and waits in ms."""

    rate: float
    p50: float
    p99: float


def lacks() -> str | None:
    """Say what the measurement needs and this machine does not have; None when nothing."""
    if shutil.which(PROGRAM):
        return None
    return f"needs {PROGRAM}, found none; apt-get install {PROGRAM}, or brew install {PROGRAM}"


def measure(site: Site) -> list[Row]:
    """Each way of keeping in turn, several times over."""
    script = write_script(site.folder)
    rows: list[Row] = []
    for connections in CONNECTIONS:
        seen: dict[str, list[Load]] = {mode: [] for mode in MODES}
        for turn in range(site.sizes.rounds):
            site.say(f"door: {connections} connections, round {turn + 1} of {site.sizes.rounds}")
            for mode in MODES:
                with server(mode, site.folder) as port:
                    seen[mode].append(wrk(port, connections, site.sizes.seconds, script))
        rows += rows_of(connections, seen)
    return rows


def rows_of(connections: int, seen: dict[str, list[Load]]) -> list[Row]:
    """The figures of one number of connections."""
    kept, forgotten, one_by_one = ([load.rate for load in seen[mode]] for mode in MODES)
    to_forgotten = [a / b for a, b in zip(kept, forgotten, strict=True)]
    to_one_by_one = [a / b for a, b in zip(kept, one_by_one, strict=True)]
    what = f"{connections} connections (wrk)"
    return [
        Row(
            what=f"posts kept, {what}", unit="/s", values=kept, floor="202, nothing kept:",
            floors=forgotten, ratios=to_forgotten, aim=f"{AIM_FORGOTTEN}",
            reached=median(to_forgotten) >= AIM_FORGOTTEN,
        ),
        Row(
            what="the same", unit="/s", values=kept, floor="a commit for each:",
            floors=one_by_one, ratios=to_one_by_one, aim=f"{AIM_ONE_BY_ONE:g} times",
            reached=median(to_one_by_one) >= AIM_ONE_BY_ONE,
        ),
        Row(what="the same, p50", unit="ms", values=[load.p50 for load in seen["kept"]],
            floor="nothing kept:", floors=[load.p50 for load in seen["forgotten"]]),
        Row(what="the same, p99", unit="ms", values=[load.p99 for load in seen["kept"]],
            floor="nothing kept:", floors=[load.p99 for load in seen["forgotten"]]),
    ]  # fmt: skip


@contextmanager
def server(mode: str, folder: Path) -> Iterator[int]:
    """A door in a process of its own; gives its port."""
    command = [sys.executable, "-m", "bench.door_server", mode, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def write_script(folder: Path) -> Path:
    """What wrk posts, in the only language it takes."""
    body = completion(1, BEGIN).body.decode()
    path = folder / "post.lua"
    path.write_text(
        f"wrk.method = 'POST'\nwrk.path = '/webhooks/adobe'\nwrk.body = [[{body}]]\n"
        f"wrk.headers['Authorization'] = '{AUTHORIZATION}'\n"
        "wrk.headers['Content-Type'] = 'application/json'\n"
    )
    return path


def wrk(port: int, connections: int, seconds: float, script: Path) -> Load:
    """One run; raises when an answer was not 2xx."""
    command = [
        PROGRAM, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
        "--timeout", "30",
        "-s", str(script), f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    assert float(rate[1]) > 0, said
    return Load(float(rate[1]), percentile(said, 50), percentile(said, 99))


def percentile(said: str, share: int) -> float:
    """A line like `50%    1.23ms`, in ms."""
    found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s)\b", said)
    assert found is not None, said
    return float(found[1]) * UNITS[found[2]]
