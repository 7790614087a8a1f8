"""An import reads zones as systems write them: mails leave by the reader's clock."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.cli.people_file import person, run
from tests.installation import DAY, DONE, HOUR, START, Installation, completed

HEAD = """
defaults: {timezone: Pacific/Honolulu, send_window: office}
time_intervals:
  office: [{from: "08:00", until: "18:00"}]
"""
NIGHT = START + 11 * HOUR
"""20:00 in UTC."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def zones_file(content: str) -> None:
    Path("zones.csv").write_text(content)


def imported(timezones: list[str], *options: str) -> Result:
    rows = "".join(f'{70 + n},a{n}@example.org,"{z}"\n' for n, z in enumerate(timezones))
    return run(f"internalUserID,userEmail,timeZoneCode\n{rows}", *options)


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("UTC+05:30(Asia/Calcutta)", "Asia/Kolkata"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("+0900", "Asia/Tokyo"),
        ("23", "Europe/Athens"),
    ],
)
def test_a_mail_leaves_at_eight_where_the_reader_is(folder: Path, written: str, zone: str) -> None:
    with Installation(folder, DONE, head=HEAD) as desk:
        zones_file("code,zone\n23,GTB Standard Time\n")
        assert imported([written], "--zones", "zones.csv").exit_code == 0
        desk.app.writer.forget()
        desk.post(completed(NIGHT, 70))
        desk.tick(NIGHT)
        (due_at,) = [row["due_at"] for row in desk.notifications()]
        leaves = datetime.fromtimestamp(due_at / 1000, ZoneInfo(zone))
        assert (leaves.hour, leaves.minute, due_at > NIGHT) == (8, 0, True)
        desk.tick(due_at - 1)
        assert desk.drawer() == []
        desk.tick(due_at)
        assert desk.states() == ["sent"]
        assert due_at < NIGHT + DAY


def test_a_value_that_cannot_be_read_is_one_line_however_many_rows_have_it() -> None:
    result = imported(["Berlin"] * 412 + ["Europe/Berlin", "EST", "EST", "Mars/X"])
    assert result.exit_code == 0
    assert result.stderr == (
        "people.csv: timeZoneCode: 412 rows have 'Berlin', which is no zone (first line 2); did "
        "you mean Europe/Berlin?\n"
        "people.csv: timeZoneCode: 2 rows have 'EST', which has no summer time (first line 415); "
        "America/New_York is probably meant\n"
        "people.csv: timeZoneCode: 1 row has 'Mars/X', which is no zone (first line 417); write an "
        "IANA name, e.g. Europe/Berlin\n"
    )
    found = person(str(70 + 413), "adobe")
    assert found and found.timezone == "EST"


def test_of_many_values_those_of_most_rows_are_named() -> None:
    result = imported([f"Place {n}" for n in range(1, 31) for _ in range(n)])
    lines = result.stderr.splitlines()
    assert lines[0].startswith("people.csv: timeZoneCode: 30 rows have 'Place 30'")
    assert len(lines) == 6
    assert lines[5] == "people.csv: timeZoneCode: and 25 more values (325 rows)"


def test_more_values_than_anybody_reads_are_counted_together() -> None:
    result = imported([f"Place {n}" for n in range(1_500)], "--json")
    values = json.loads(result.stdout)["values"]
    assert len(values) == 1_001 and sum(each["rows"] for each in values) == 1_500


def test_json_has_the_values_and_counts_them_as_warnings() -> None:
    result = json.loads(imported(["Berlin", "Berlin", "UTC"], "--json").stdout)
    assert (result["warnings"], result["problems"], result["unusable"]) == (2, [], 0)
    assert result["values"] == [
        {
            "column": "timeZoneCode", "value": "Berlin", "doubt": "is no zone",
            "advice": "did you mean Europe/Berlin?", "line": 2, "rows": 2,
        }
    ]  # fmt: skip


def test_what_may_be_an_address_is_not_told() -> None:
    result = imported(["ada@example.org", "x" * 61])
    assert "ada@" not in result.stderr and "xxx" not in result.stderr
    assert "2 rows have 'something else', which is no zone (first line 2)" in result.stderr


def test_what_the_codes_mean_is_said_once_and_kept() -> None:
    assert "'23', which is a number of the account's own list" in imported(["23"]).stderr
    zones_file(
        "code,zone\n23,(UTC+05:30) Chennai, Kolkata\n".replace("(", '"(').replace("ta", 'ta"')
    )
    assert imported(["23"], "--zones", "zones.csv", "--account", "42").stderr == ""
    assert imported(["23"], "--account", "42").stderr == ""
    found = person("70", "adobe", "42")
    assert found and found.timezone == "Asia/Kolkata"
    assert "'23'" in imported(["23"], "--account", "43").stderr, "every account has its own"


def test_codes_may_be_those_of_a_source_or_change() -> None:
    zones_file("code,zone,source\n23,Europe/Berlin,adobe\n24,UTC,sunbird\n")
    assert "'24'" in imported(["23", "24"], "--zones", "zones.csv").stderr
    zones_file("code,zone\n23,Asia/Tokyo\n")
    imported(["23"], "--zones", "zones.csv", "--source", "adobe")
    found = person("70", "adobe")
    assert found and found.timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "code,zone\n23,Berlin\n",
            "zones.csv:2: zone: expected a zone; did you mean Europe/Berlin?",
        ),
        ("code,zone\n,UTC\n", "zones.csv:2: code: expected the account's code of a zone"),
    ],
)
def test_a_file_of_codes_with_a_mistake_ends_the_import(content: str, told: str) -> None:
    zones_file(content)
    result = imported(["UTC"], "--zones", "zones.csv")
    assert result.exit_code == 2 and told in result.output
    assert person("70", "adobe") is None


def test_a_row_of_codes_that_cannot_be_used_is_left_out_by_who_is_lenient() -> None:
    zones_file("code,zone\n23,Asia/Tokyo\n24,Tokio\n")
    result = imported(["23"], "--zones", "zones.csv", "--source", "adobe")
    assert result.exit_code == 2 and "no people were imported; mend it, or" in result.output
    assert person("70", "adobe") is None
    options = ("--zones", "zones.csv", "--source", "adobe", "--lenient", "--json")
    lenient = imported(["23"], *options)
    assert lenient.exit_code == 0 and json.loads(lenient.stdout)["added"] == 1
    assert "zones.csv:3: zone" in lenient.stderr
    found = person("70", "adobe")
    assert found and found.timezone == "Asia/Tokyo"


def test_a_file_without_codes_is_told_apart() -> None:
    zones_file("id,zone\n23,UTC\n")
    result = imported(["UTC"], "--zones", "zones.csv")
    assert result.exit_code == 2
    assert "zones.csv:1: expected the columns code and zone" in result.output


def test_a_condition_takes_a_zone_as_it_is_written(folder: Path) -> None:
    rules = DONE + "    conditions: [learner.timezone: India Standard Time]\n"
    with Installation(folder, rules) as desk:
        imported(["UTC+05:30(Asia/Calcutta)", "UTC"])
        desk.app.writer.forget()
        desk.post(completed(START, 70), completed(START, 71))
        desk.tick()
        assert len(desk.notifications()) == 1


def test_a_rule_file_says_which_zone_is_meant() -> None:
    Path("rules.yaml").write_text(
        "version: 1\ndefaults: {timezone: W. Europe Standard Time}\nrules: []\n"
    )
    told = CliRunner().invoke(main, ["check", "rules.yaml"]).output
    assert "unknown time zone 'W. Europe Standard Time'" in told
    assert "did you mean 'Europe/Berlin'?" in told
