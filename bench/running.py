"""`coursebell run` as a process, spoken to over HTTP."""

import base64
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bench.site import ROOT

ADDRESS = re.compile(r"on http://127\.0\.0\.1:(\d+)")
AUTHORIZATION = "Basic " + base64.b64encode(b"adobe:correct horse").decode()
HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
STOP_SECONDS = 20


def cpu_seconds_of(pid: int) -> float:
    """Processor's time a process has used so far, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Running:
    """The real service on a free port."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "run", "--port", "0"], cwd=ROOT,
            env=self._environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := ADDRESS.search(line):
                self.port = int(found[1])
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port)
                return self
        raise RuntimeError("the service ended before it listened")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def post(self, body: bytes) -> int:
        """Posts a letter; the answer's status."""
        self._connection.request("POST", "/webhooks/adobe", body, HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    @property
    def cpu_seconds(self) -> float:
        """Processor's time the process has used so far, its own and the kernel's for it."""
        return cpu_seconds_of(self.process.pid)

    @property
    def resident_mb(self) -> float:
        """Memory the process holds now, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
