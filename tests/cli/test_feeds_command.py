"""`coursebell feeds`: a table for people, JSON for programs."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from service.cli import main
from tests.installation import DAY, DONE, HOUR, START, Installation, completed, event


def feeds(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(main, ["feeds", "--data", str(folder / "data"), *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_names_every_source_and_how_late_it_is(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START - DAY, 77), event("BOGUS", START), at=START)
        office.post(completed(START, 78), at=START + HOUR)
        office.tick(START + HOUR)

        lines = feeds(tmp_path).splitlines()

    assert lines[0].split() == ["adobe", "community-training", "sunbird"]
    cells = {line[:22].strip(): line[22:].strip() for line in lines[1:]}
    rows = {name: re.split(r"\s{2,}", told) for name, told in cells.items()}
    assert rows["Last letter"][0].endswith(" ago") and rows["Last letter"][-1] == "never"
    assert [rows[name][0] for name in ("Letters", "Events recorded", "set aside")] == list("221")
    assert (rows["Half came within"][0], rows["99 % came within"][0]) == ("1 h", "1 d")


def test_as_json_it_is_for_programs(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as office:
        office.post(completed(START, 77), at=START + HOUR)
        office.tick(START + HOUR)

        adobe = json.loads(feeds(tmp_path, "--json"))["items"][0]

    assert (adobe["source"], adobe["letters"], adobe["recorded"]) == ("adobe", 1, 1)
    assert adobe["lateness"]["3600"] == 1 and adobe["last_seen_at"] == START + HOUR
