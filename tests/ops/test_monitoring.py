"""`ops/` and the runbook: what alerts and dashboard ask for is exported, and each is explained.

What promtool says needs promtool: `apt-get install prometheus`, which has it.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Group, UsageError

from service.cli import main
from tests.adobe_api import AdobeApi
from tests.installation import DONE, ROOT, START, completed
from tests.real_service import RealService
from tests.waiting import until

OPS = ROOT / "ops"
RULES, TESTS = (OPS / "prometheus" / f"coursebell.{kind}.yml" for kind in ("rules", "test"))
DASHBOARD = json.loads((OPS / "grafana/coursebell.json").read_text())
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]
NAMES = [alert["alert"] for alert in ALERTS]
PARTS = ("Means", "People notice", "Look", "Do", "No harm")
SECTIONS = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK))
METRIC = re.compile(r"\b(?:coursebell|process)_\w+")


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Every query of the dashboard."""
    return [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The names in the metrics of a service to which all has happened that is counted."""
    folder = tmp_path_factory.mktemp("ops")
    night = {"COURSEBELL_ADOBE_API_REPORT_AT": "03:30",
             "COURSEBELL_BOUNCES_IMAP_URL": "imaps://user:password@127.0.0.1:1/INBOX"}  # fmt: skip
    with AdobeApi() as api, RealService(folder, DONE, **api.environ, **night) as service:
        service.import_people("id,email\n77,ada@example.org\n")
        service.post(completed(START, 77))
        service.notifications(lambda items: items and items[0]["state"] == "sent", "it is sent")
        answered = "coursebell_adobe_api_last_answer_timestamp_seconds"
        until(lambda: answered in service.numbers(), "Adobe's API has answered")
        begun = 'coursebell_adobe_report_failures{report="users"}'
        until(lambda: begun in service.numbers(), "a report is begun")
        service.rules.write_text("rules: none of them\n")

        refused = 'coursebell_trouble{part="rules"}'
        until(lambda: refused in service.numbers(), "the rule file is refused")
        yield {name.partition("{")[0] for name in service.numbers()}


@pytest.mark.parametrize("asked", ["alerts", "dashboard"])
def test_every_metric_asked_for_is_exported(exported, asked):
    texts = queries() if asked == "dashboard" else [alert["expr"] for alert in ALERTS]
    named = {name for text in texts for name in METRIC.findall(text)}
    assert len(named) > 10 and named - exported == set()


def test_an_alert_says_what_it_is_how_bad_and_where_to_read_on():
    for alert in ALERTS:
        assert re.fullmatch(r"[1-9]\d*m", alert["for"]), alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning")
        said = alert["annotations"]
        assert set(said) == {"summary", "description", "runbook_url"}
        assert said["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_every_alert_has_its_paragraph_and_every_paragraph_its_alert():
    assert list(SECTIONS) == NAMES
    for name, text in SECTIONS.items():
        assert re.findall(r"(?m)^\* \*\*([^*]+)\*\*: ", text) == list(PARTS), name


def test_every_alert_is_tested_to_fire_and_not_to():
    cases = [
        case
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == silent == set(NAMES)


def test_the_runbook_names_panels_commands_and_alerts_that_are_there():
    titles = {panel["title"] for panel in panels()}
    named = re.findall(r"the panel \*([^*]+)\*", RUNBOOK)
    assert named and set(named) <= titles
    commands = re.findall(r"(?m)`coursebell ([^`]+)`|^coursebell ([^#\n]+)", RUNBOOK)
    assert len(commands) > 20
    for words in (shlex.split(a or b) for a, b in commands):
        parsed(main, words)
    for anchor in re.findall(r"\]\(#([^)]+)\)", RUNBOOK):
        assert anchor in {*map(str.lower, SECTIONS), "set-up"}


def parsed(group: Group, words: list[str]) -> None:
    """Read a command line as the command would, without running it."""
    command = group.commands[words[0]]
    if isinstance(command, Group):
        parsed(command, words[1:])
        return
    try:
        parent = main.context_class(main, **main.context_settings)
        command.make_context(words[0], words[1:], parent=parent)
    except UsageError as error:
        if "does not exist" not in error.message:
            raise AssertionError(f"{' '.join(words)}: {error.message}") from error


def test_the_dashboard_can_be_imported_anywhere():
    """It names no data source of ours, nothing stands twice or on another, and all has a title."""
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    asked = [*panels(), *(target for panel in panels() for target in panel["targets"])]
    assert {each["datasource"]["uid"] for each in asked} == {"${datasource}"}
    assert "id" not in DASHBOARD and DASHBOARD["uid"] and DASHBOARD["schemaVersion"]
    assert all(panel["title"] and panel["description"] for panel in panels())
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells = [cell for panel in DASHBOARD["panels"] for cell in cells_of(panel["gridPos"])]
    assert len(cells) == len(set(cells)) and all(0 <= x < 24 for x, _ in cells)


def cells_of(place: dict[str, int]) -> list[tuple[int, int]]:
    across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + 1)
    return [(x, y + more) for x in across for y in down for more in range(place["h"])]


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here; apt-get install prometheus, which has it, or put it on PATH")
    return found


def told(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=OPS / "prometheus")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_and_each_alert_does_what_its_test_says(promtool):
    assert f"SUCCESS: {len(ALERTS)} rules found" in told(promtool, "check", "rules", RULES.name)
    assert "SUCCESS" in told(promtool, "test", "rules", TESTS.name)


def test_promtool_reads_every_query_of_the_dashboard(promtool, tmp_path: Path):
    values = {"$__rate_interval": "5m", "$instance": ".*"}
    asked = [re.sub(r"\$\w+", lambda found: values[found[0]], query) for query in queries()]
    rules = [{"record": f"q{n}", "expr": query} for n, query in enumerate(asked)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in told(promtool, "check", "rules", str(file))
