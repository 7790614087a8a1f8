"""Ask pip-audit for advisories against what is locked. Exits 1 when there is one, 75 when in doubt.

In doubt (EX_TEMPFAIL) is when no source looked at every package. pip-audit takes that for none
found: it skips what an index answers 404 for, as a mirror of PyPI does that serves no advisories.
`PIP_AUDIT_OSV_URL` names a mirror of OSV, https://google.github.io/osv.dev/post-v1-query/.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

FOUND, IN_DOUBT = 1, 75
ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", ".ci/requirements.lock")
SOURCES = ("osv", "pypi")
SECONDS = 300


def main(locks: list[str]) -> int:
    """Audit each lock, of a package in several once, and tell the worst."""
    seen: set[str] = set()
    ends = set()
    for lock in locks:
        pins = set(re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / lock).read_text(), re.MULTILINE))
        ends.add(_audit(lock, sorted(pins - seen)))
        seen |= pins
    return FOUND if FOUND in ends else max(ends)


def _audit(lock: str, pins: list[str]) -> int:
    for source in SOURCES:
        packages, trouble = _asked(source, pins)
        looked_at = [each for each in packages if "skip_reason" not in each]
        found = [_line(each, hole) for each in looked_at for hole in each["vulns"]]
        print(f"{lock}: {source} looked at {len(looked_at)} of {len(pins)} packages{trouble}")
        print(*found, sep="\n", end="\n" * bool(found))
        if found:
            return FOUND
        if len(looked_at) == len(pins):
            return 0
    return IN_DOUBT


def _asked(source: str, pins: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Give what pip-audit says of each package, or nothing and why; markers are left out."""
    command = [sys.executable, "-m", "pip_audit", "-r", "/dev/stdin", "--no-deps", "--disable-pip"]
    command += ["-s", source, "-f", "json", "--desc", "off", "--progress-spinner", "off"]
    given = "\n".join(pins)
    try:
        ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS)
        return json.loads(ran.stdout)["dependencies"], ""
    except subprocess.TimeoutExpired:
        return [], f": no end in {SECONDS} seconds"
    except ValueError:
        said = ran.stderr.strip() or "it said nothing"
        return [], f": {said.splitlines()[-1][:160]}"


def _line(package: dict[str, Any], hole: dict[str, Any]) -> str:
    mended = " or ".join(hole["fix_versions"]) or "no version yet"
    return f"  {package['name']} {package['version']}: {hole['id']}, mended in {mended}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [*LOCKS]))
