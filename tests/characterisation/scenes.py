"""Scenes: everything that is recorded, by the folder under `recorded` that holds it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.characterisation.asked import asked
from tests.characterisation.played import played
from tests.characterisation.surface import elsewhere, normalised
from tests.characterisation.written import checked, helps, schemas, settings

RECORDED = Path(__file__).parent / "recorded"
Scene = Callable[[Path], Iterator[tuple[str, str]]]
SCENES: Mapping[str, Scene] = {
    "check": checked,
    "schema": schemas,
    "help": helps,
    "settings": settings,
    "academy": asked,
    "play": played,
}


def now_of(name: str) -> dict[str, str]:
    """Play one scene in a folder of its own, and give its outputs by file."""
    with TemporaryDirectory() as given:
        folder = Path(given).resolve()
        with elsewhere(folder):
            return {file: normalised(text, folder) for file, text in SCENES[name](folder)}


def recorded_of(name: str) -> dict[str, str]:
    """Read what was recorded of one scene."""
    return {path.name: path.read_text() for path in sorted((RECORDED / name).iterdir())}


def record(name: str) -> None:
    """Write one scene anew."""
    outputs = now_of(name)
    shutil.rmtree(RECORDED / name, ignore_errors=True)
    (RECORDED / name).mkdir(parents=True)
    for file, text in outputs.items():
        (RECORDED / name / file).write_text(text)
