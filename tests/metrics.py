"""Reading how a process is: what `/metrics` says, and what its memory is."""

import re
from pathlib import Path


def numbers_in(exposition: str) -> dict[str, float]:
    """Every sample by its name with its labels, as in `coursebell_letters{state="taken"}`."""
    lines = [line for line in exposition.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def peak_memory(pid: int) -> int:
    """The KiB that a process has ever had in memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])
