"""Explaining: both kinds of answer over a long history, by the real command."""

import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

from bench.feed import ACCOUNT
from bench.site import ROOT, Site
from bench.table import Row

AIM_SECONDS = 1.0
IMPORTS = "import service.cli"
QUESTIONS = {
    "a notification": ["{notification}"],
    "a learner and a rule": ["--rule", "{rule}", "--learner", "{learner}"],
    "an enrolment and a rule": [
        "--rule", "{rule}", "--learner", "{learner}", "--course", "{course}",
        "--instance", "{instance}", "--source", "adobe", "--account", ACCOUNT,
    ],
}  # fmt: skip


def measure(site: Site) -> list[Row]:
    """Each command stands beside an interpreter that imports the command line and ends."""
    app = site.academy.app
    size = app.ledger.end()
    owed = dict(next(iter(app.views.reader()["notifications"].rows_where(
        "person IS NOT NULL AND instance IS NOT NULL", order_by="id DESC", limit=1
    ))))  # fmt: skip
    words = {name: str(owed[name]) for name in ("rule", "course", "instance")}
    words["notification"] = owed["id"]
    words["learner"] = app.people.lms_ids([owed["person"]])[owed["person"]]
    data = str(site.folder / "academy")
    rows = []
    for what, form in QUESTIONS.items():
        command = ["-m", "service", "explain", *(each.format(**words) for each in form)]
        rows.append(row(site, f"{what}, {size:,} log rows", [*command, "--data", data]))
    return rows


def row(site: Site, what: str, command: Sequence[str]) -> Row:
    """One question, asked in turn with nothing at all."""
    site.say(f"explain: {what}")
    whole, floors = [], []
    for _ in range(site.sizes.rounds):
        floors.append(seconds(["-c", IMPORTS]))
        whole.append(seconds(command))
    own = [mine - floor for mine, floor in zip(whole, floors, strict=True)]
    return Row(
        what=what, unit="s", values=own,
        floor="start and imports alone:", floors=floors, aim=f"{AIM_SECONDS:g} s",
        reached=median(own) <= AIM_SECONDS,
    )  # fmt: skip


def seconds(arguments: Sequence[str]) -> float:
    """How long a Python with these arguments takes; raises CalledProcessError if it fails."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
