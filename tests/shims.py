"""Small libraries in C that change what a process sees of its system, loaded by LD_PRELOAD."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest


@cache
def compiled(source: Path) -> Path:
    """The library of a file in C, made once per run."""
    if shutil.which("gcc") is None:
        pytest.skip(f"no gcc for {source.name}; to have one: apt-get install gcc libc6-dev")
    made = Path(tempfile.mkdtemp(prefix="shim-")) / f"{source.stem}.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", made, source, "-ldl"], check=True)
    return made
