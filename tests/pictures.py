"""Pictures of the shipped mails, taken by headless Chromium and compared as an eye would.

`python -m tests.pictures` takes those of docs/pictures anew.
"""

import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from service.sending.templates.sample import ALONE, SAMPLE, sample_for
from service.sending.templates.templates import Templates
from tests.installation import ROOT

FOLDER = ROOT / "docs/pictures"
CHROMIUM = shutil.which("chromium")
LISTS = ("team_completions", "team_stalled")
HEIGHT, SCALE = 760, 0.5
VIEWS = (("en", 600, "light"), ("de", 600, "dark"), ("ar", 375, "light"))
"""Each mail in three views: language, width in CSS pixels, and the reader's screen."""
SECONDS = 120
BLOCKS = 60
"""So many blocks wide are two pictures compared: a letter drawn otherwise is not seen."""


class Difference(NamedTuple):
    """How far two pictures are apart, of 255: over all, and where it is most."""

    mean: float
    most: float


def chromium(*arguments: str) -> str:
    """What Chromium writes, without a window."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as profile:
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        command = [CHROMIUM, *flags, f"--user-data-dir={profile}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return done.stdout


def names(templates: Templates) -> list[str]:
    """The templates with HTML."""
    return sorted(name for name, *_, file in templates.files.places if file == "body.html")


def mail(templates: Templates, name: str, locale: str) -> str:
    """The HTML of a mail with made-up values, as its usual reader gets it."""
    role = "manager" if name.startswith("team") or name.endswith("manager") else "learner"
    told = sample_for(role, "", "Training that everybody has once a year")
    why = {name: told[name] for name in ("recipient", "rule", "reasons")}
    values = {**(SAMPLE if name in LISTS else ALONE), **why}
    return templates.render(name, "email", locale, values).html or ""


def page(templates: Templates, chosen: Sequence[str]) -> str:
    """A page with each mail in its views."""
    rows = []
    for name in chosen:
        frames = [
            f'<iframe width="{width}" height="{HEIGHT}" style="border: 0; color-scheme: {light}" '
            f'srcdoc="{escape(mail(templates, name, locale))}"></iframe>'
            for locale, width, light in VIEWS
        ]
        rows.append(
            f'<div style="display: flex; gap: 16px; margin: 0 0 16px">{"".join(frames)}</div>'
        )
    head = '<!doctype html><meta charset="utf-8"><body style="margin: 16px; background: #d8d5cd">'
    return head + "".join(rows)


def take(templates: Templates, chosen: Sequence[str], into: Path) -> None:
    """Take a picture of some mails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mails.html"
        path.write_text(page(templates, chosen))
        width = sum(width for _, width, _ in VIEWS) + 16 * (len(VIEWS) + 1)
        height = (HEIGHT + 16) * len(chosen) + 16
        chromium(
            f"--window-size={width},{height}",
            f"--force-device-scale-factor={SCALE}",
            "--blink-settings=preferredColorScheme=1",
            f"--screenshot={into}",
            path.as_uri(),
        )


COMPARE = """<!doctype html><img id="a" src="%s"><img id="b" src="%s"><pre id="found"></pre><script>
addEventListener("load", () => {
  const seen = ["a", "b"].map(id => {
    const image = document.getElementById(id), canvas = document.createElement("canvas")
    canvas.width = %d; canvas.height = Math.round(%d * image.height / image.width)
    const drawn = canvas.getContext("2d")
    drawn.imageSmoothingQuality = "high"
    drawn.drawImage(image, 0, 0, canvas.width, canvas.height)
    return [canvas.height, drawn.getImageData(0, 0, canvas.width, canvas.height).data]
  })
  if (seen[0][0] != seen[1][0]) { document.getElementById("found").textContent = "255 255"; return }
  let sum = 0, most = 0
  seen[0][1].forEach((value, at) => {
    const apart = Math.abs(value - seen[1][1][at]); sum += apart; most = Math.max(most, apart)
  })
  document.getElementById("found").textContent = sum / seen[0][1].length + " " + most
})
</script>"""


def difference(one: Path, other: Path) -> Difference:
    """How far two pictures are apart, made so small that only what an eye sees is left."""
    urls = [
        "data:image/png;base64," + b64encode(each.read_bytes()).decode() for each in (one, other)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compare.html"
        path.write_text(COMPARE % (*urls, BLOCKS, BLOCKS))
        dom = chromium("--virtual-time-budget=10000", "--dump-dom", path.as_uri())
    mean, most = dom.rpartition('<pre id="found">')[2].partition("<")[0].split()
    return Difference(float(mean), float(most))


def pictures(templates: Templates) -> dict[str, list[str]]:
    """What each picture shows: one mail for the README, and all of them."""
    return {"completed.png": ["completed"], "mails.png": names(templates)}


if __name__ == "__main__":
    shipped = Templates(ROOT / "templates")
    FOLDER.mkdir(exist_ok=True)
    for file, chosen in pictures(shipped).items():
        take(shipped, chosen, FOLDER / file)
        print(FOLDER / file)  # noqa: T201
