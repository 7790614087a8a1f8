"""Fetch one of Adobe's reports while somebody waits, and say what became of it."""

import time
from pathlib import Path

import rich_click as click
from rich.progress import TimeElapsedColumn

from service.app.adobe_directory import adobe_api, adobe_reports
from service.cli.output.console import fail, open_ledger, print_json, progress, settings
from service.cli.output.csv_import import GivenFile, report
from service.cli.output.text import moment
from service.incoming.adobe_api.client import BudgetSpent
from service.incoming.adobe_api.report_state import ReportName
from service.incoming.adobe_api.reports import JOBS, AdobeReports, ReportFailed
from service.learners.directory.people_import import SHARE_MISSING
from service.learners.directory.tables.csv_import import ImportResult
from service.rules.text import counted
from service.running import wall_clock

NO_API = (
    "there are no settings for Adobe's API; set COURSEBELL_ADOBE_API_CLIENT_ID, …_CLIENT_SECRET "
    "and …_REFRESH_TOKEN"
)
LEAST_SECONDS = 1.0
GOES_ON = "the same command goes on with the job that Adobe has begun"


def fetch_report(
    name: ReportName,
    noun: str,
    data: Path | None,
    allow_missing: int = SHARE_MISSING,
    *,
    as_json: bool,
) -> None:
    """Let Adobe make a report, wait for it and import it; exit as an import does.

    The exit code is 2 where nothing came of it.
    """
    chosen = settings(data)
    with open_ledger(data) as ledger:
        api = adobe_api(chosen, ledger, wall_clock)
        if api is None:
            fail(NO_API)
        reports = adobe_reports(api, chosen, clock=wall_clock, allow_missing=allow_missing)
        try:
            result = _waited_for(reports, name)
        except ReportFailed as failed:
            fail(str(failed))
        except BudgetSpent as spent:
            fail(f"{spent}; {GOES_ON} after {moment(spent.frees_at)}")
        except KeyboardInterrupt:
            fail(f"stopped; {GOES_ON}")
        state = reports.kept.read(name)
    if result is not None:
        report(result, GivenFile(f"{JOBS[name][0]}.csv", noun), as_json=as_json)
    elif as_json:
        print_json(state)
    else:
        click.echo(f"{state.rows:,} {noun}: imported meanwhile by another process")


def _waited_for(reports: AdobeReports, name: ReportName) -> ImportResult | None:
    """Take step after step until the report is in; None if another process has brought it in."""
    before = reports.kept.read(name).imported_at
    with progress(TimeElapsedColumn()) as bar:
        task = bar.add_task("Asking Adobe", total=None)

        def moved() -> None:
            bar.update(task, description="Importing the report")

        while (result := reports.step(name, moved)) is None:
            state = reports.kept.read(name)
            if state.imported_at != before:
                return None
            looks = f", looked {counted(state.looks, 'time')}" if state.looks else ""
            bar.update(task, description=f"Adobe makes the report{looks}")
            time.sleep(max(LEAST_SECONDS, (state.next_at - wall_clock()) / 1000))
    return result
