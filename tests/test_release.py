"""`make release` and `make sbom`: what is handed out, and the list of what it stands on."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import ROOT

SECRET = "hunter2-of-the-machine"
PRIVATE = "somewhere-private"
STRICT = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()))
"""
"""In a process of its own: it takes a second to load, in each worker that collects this file."""
WHAT_IT_IS_MADE_OF = (
    "LICENSE", "Makefile", "README.md", "pyproject.toml", "requirements.lock", ".gitignore",
    "service/__init__.py",
)  # fmt: skip


def make(target: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile with the tools of these tests, in an environment that tells."""
    here = {"PIP_INDEX_URL": f"https://user:{SECRET}@index.example/simple", "TOKEN": SECRET}
    bin = f"BIN={Path(sys.executable).parent}"
    return subprocess.run(
        ["make", "-s", "-o", ".venv/installed-dev", target, bin],
        cwd=folder, env=os.environ | here | variables, capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def repository(folder: Path) -> Path:
    """Make a repository with what a release is made of, and little of the service."""
    (folder / "service").mkdir(parents=True)
    for name in WHAT_IT_IS_MADE_OF:
        shutil.copy(ROOT / name, folder / name)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a release"]):
        git(folder, *words)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return repository(tmp_path / PRIVATE)


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make the SBOM alone, in a folder whose name nobody is to read."""
    folder = repository(tmp_path_factory.mktemp("sbom") / PRIVATE)
    assert make("sbom", folder).returncode == 0
    return released(folder)["coursebell.cdx.json"].decode()


def released(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_a_release_is_a_wheel_a_source_and_an_sbom_the_same_each_time(checkout):
    (checkout / "dist").mkdir()
    (checkout / "dist/left-over.whl").touch()
    first = make("release", checkout, TZ="Asia/Tokyo")
    assert (first.returncode, first.stderr) == (0, "")
    once = released(checkout)
    version = json.loads(once["coursebell.cdx.json"])["metadata"]["component"]["version"]
    wheel, source = f"coursebell-{version}-py3-none-any.whl", f"coursebell-{version}.tar.gz"
    assert set(once) == {wheel, source, "coursebell.cdx.json"}
    assert make("release", checkout, TZ="America/Lima").returncode == 0
    assert released(checkout) == once


def test_what_is_not_committed_is_not_released(checkout):
    (checkout / "service/new.py").touch()
    refused = make("release", checkout)
    assert refused.returncode == 2 and "commit or stash what git status shows" in refused.stderr
    assert not (checkout / "dist").exists()


def test_the_sbom_names_exactly_what_is_locked_with_its_hashes(sbom):
    subprocess.run([sys.executable, "-c", STRICT], input=sbom, text=True, check=True)
    named = {
        (each["name"], each["version"]): {
            found["content"] for link in each["externalReferences"] for found in link["hashes"]
        }
        for each in json.loads(sbom)["components"]
    }
    locked = {
        (name, version): set(re.findall(r"sha256:(\w+)", rest))
        for name, version, rest in re.findall(
            r"^([\w.-]+)==([^\s;]+)(.*?)(?=^\S|\Z)",
            (ROOT / "requirements.lock").read_text(),
            re.MULTILINE | re.DOTALL,
        )
    }
    assert named == locked and len(named) > 30


def test_the_sbom_tells_nothing_of_the_machine(sbom):
    """Nor of the moment, unless SOURCE_DATE_EPOCH gives one, as a release does its commit's."""
    for word in (SECRET, "index.example", PRIVATE, str(ROOT), str(Path.home()), "file:"):
        assert word not in sbom
    assert (
        not {"serialNumber", "timestamp"} & (json.loads(sbom) | json.loads(sbom)["metadata"]).keys()
    )
    hosts = set(re.findall(r"https?://([^/\"]+)", sbom))
    assert hosts - {host for host in hosts if "cyclonedx" in host} == {"pypi.org", "github.com"}
