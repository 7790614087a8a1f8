"""Fetch a report of Adobe's: let a job make it, wait for it, and import it like a file.

Job types and documents are those of Adobe's developer manual ("Extract user report with user ID
and manager details") and its page on the trainings report; newer jobs say `status` as a word and
name the file in `result` ("API changes September 2026"). Both are read.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Literal, NamedTuple
from urllib.parse import quote

from service.incoming.adobe_api.account_zones import AccountZones
from service.incoming.adobe_api.client import AdobeApi, BudgetSpent, RefusedRequest
from service.incoming.adobe_api.directory_rows import SOURCE
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.adobe_api.report_download import DownloadRefused, ReportDownload
from service.incoming.adobe_api.report_state import (
    REPORTS,
    HeldReport,
    KeptReports,
    ReportName,
    next_fetch_at,
)
from service.incoming.adobe_api.resources import Document, mapping, text_of
from service.learners.directory.courses import Courses
from service.learners.directory.courses_csv import courses_in
from service.learners.directory.people_import import (
    SHARE_MISSING,
    ImportRun,
    PeopleImport,
    PeopleOptions,
)
from service.learners.directory.tables.csv_cells import RowScope
from service.learners.directory.tables.csv_file import CsvTable, RowProblem, UnreadableCsv
from service.learners.directory.tables.csv_import import ImportResult, import_rows
from service.learners.directory.zone_codes import ZoneCodes

log = logging.getLogger(__name__)

JOBS: Mapping[ReportName, tuple[str, Document]] = {
    "users": ("generateUsers", {"expandMetadata": True}),
    "trainings": ("generateTrainingReport", {"isCsvNeeded": True, "isNotificationNeeded": False}),
}
"""Type and payload: everybody, and all trainings."""
FINISHED = {"completed", "success", "succeeded", "done"}
FAILED = {"failed", "failure", "error", "cancelled", "aborted"}
ADDRESSES = ("s3Url", "downloadUrl", "url")

Moved = Callable[[], None]
Read = Callable[[CsvTable], Iterator[Any | RowProblem]]


class ReportFailed(Exception):
    """Say why a report is not in."""


class JobAnswer(NamedTuple):
    """Say how far a job is, and where its file is once it is finished."""

    stage: Literal["running", "finished", "failed"]
    address: str | None


def job_in(document: Document) -> JobAnswer:
    """Read what is said of a job; a word for its status that nobody knows is one of waiting."""
    attributes = mapping(mapping(document.get("data")).get("attributes"))
    status, result = mapping(attributes.get("status")), mapping(attributes.get("result"))
    said = text_of(status.get("code")) or text_of(attributes.get("status")) or ""
    word = re.sub(r"[^a-z]", "", said.lower())
    places = (mapping(status.get("data")), status, result)
    found = (text_of(place.get(name)) for place in places for name in ADDRESSES)
    if word in FAILED:
        return JobAnswer("failed", None)
    if word in FINISHED:
        return JobAnswer("finished", next(filter(None, found), None))
    return JobAnswer("running", None)


class AdobeReports:
    """Fetch reports, a step at a time; what is under way is in the ledger and outlives us.

    No step waits for a job. Each request is claimed of the budget, as all are.
    """

    def __init__(
        self,
        api: AdobeApi,
        download: ReportDownload,
        *,
        clock: Callable[[], int],
        told: Callable[[], None],
        allow_missing: int = SHARE_MISSING,
    ) -> None:
        """Take the clock (ms since 1970 UTC), and what is called when an import is on disk.

        Of those known `allow_missing` percent may be missing from the report of all users.
        """
        self._users = PeopleOptions(full=True, allow_missing=allow_missing)
        self.kept = KeptReports(api.ledger)
        self._api = api
        self._zones = AccountZones(api)
        self._download = download
        self._clock = clock
        self._told = told

    def rest_seconds(self, daily_at: int) -> float:
        """Tell for how long there is nothing to do; `daily_at` is the moment of a day, in ms."""
        now = self._clock()
        due = min(self._due(name, daily_at, now) for name in REPORTS)
        return max(self._api.rest_seconds(), (due - now) / 1000)

    def step_due(self, daily_at: int, moved: Moved) -> None:
        """Take the next step of the report whose turn it is.

        What fails is kept, told of in the log, and tried again.
        """
        now = self._clock()
        name = min(REPORTS, key=lambda name: self._due(name, daily_at, now))
        try:
            result = self.step(name, moved)
        except BudgetSpent:
            return
        except ReportFailed as failed:
            log.warning(
                "a report is not in, it is tried again: %s",
                failed,
                extra={
                    "event": "adobe.report_failed",
                    "report": name,
                    "failed": self.kept.read(name).failures,
                },
            )
            return
        if result is not None:
            log.info(
                "a report is in",
                extra={
                    "event": "adobe.report",
                    "report": name,
                    "rows": self.kept.read(name).rows,
                    "unusable": result.unusable,
                },
            )

    def _due(self, name: ReportName, daily_at: int, now: int) -> int:
        return next_fetch_at(self.kept.read(name), daily_at, now)

    def step(self, name: ReportName, moved: Moved = lambda: None) -> ImportResult | None:
        """Start the job of a report, look at it, or import what it made: then the result is given.

        None too while another process is at it. `moved` is called while it downloads and imports;
        what it raises ends that. Raises ReportFailed and BudgetSpent, after that is kept.
        """
        with self.kept.held(name, self._clock) as held:
            if held is None:
                return None
            try:
                return self._step(name, held, moved)
            except BudgetSpent as spent:
                held.keep(held.state.waiting(spent.frees_at))
                raise
            except RefusedRequest as error:
                words = f"{error}; Adobe does not take this job, or does not know it any more"
                raise self._failed(held, words, begin_anew=True) from None
            except (DownloadRefused, UnreadableCsv, ReportFailed) as error:
                raise self._failed(held, str(error), begin_anew=True) from None
            except ApiTrouble as trouble:
                hint = "; a job needs the scope admin:write too"
                words = f"{trouble}{hint if trouble.outcome == 'unauthorized' else ''}"
                raise self._failed(held, words, begin_anew=False) from None
            except OSError as error:
                words = f"no place for the report in the folder of temporary files: {error}"
                raise self._failed(held, words, begin_anew=False) from None

    def _failed(self, held: HeldReport, words: str, *, begin_anew: bool) -> ReportFailed:
        held.keep(held.state.failed(words, self._clock(), begin_anew=begin_anew))
        return ReportFailed(words)

    def _step(self, name: ReportName, held: HeldReport, moved: Moved) -> ImportResult | None:
        account, state = self._api.account(), held.state
        job = state.job_for(account, self._clock())
        if job is None:
            job = self._started(name)
            held.keep(state.begun(job, account, self._clock()))
            return None
        seen = job_in(self._api.get(f"jobs/{quote(job, safe='')}"))
        if seen.stage == "failed":
            raise ReportFailed("Adobe says that the job has failed")
        if seen.stage == "running":
            looked = state.looked(self._clock())
            if looked.is_overdue:
                raise ReportFailed("the job is not done after hours")
            held.keep(looked)
            return None
        if seen.address is None:
            raise ReportFailed("expected the address of the finished report, got none")
        return self._fetched(name, held, seen.address, moved=moved)

    def _started(self, name: ReportName) -> str:
        """Let Adobe make a report; give the job's id."""
        kind, payload = JOBS[name]
        attributes = {"description": "Coursebell", "jobType": kind, "payload": payload}
        document = {"data": {"type": "job", "attributes": attributes}}
        id = text_of(mapping(self._api.post("jobs", document).get("data")).get("id"))
        if id is None:
            raise ReportFailed("expected the id of the job, got none")
        return id

    def _fetched(
        self, name: ReportName, held: HeldReport, address: str, moved: Moved
    ) -> ImportResult:
        """Download a report and import it."""

        def go_on() -> None:
            held.renew()
            moved()

        with TemporaryFile() as file:
            self._download.into(file, address, go_on)
            result = self._imported(name, file, held.state.account or "", moved=go_on)
        if not result.rows:
            raise ReportFailed("expected rows in the report, got none that can be used")
        if result.refused:
            raise ReportFailed(f"{result.refused} to `coursebell people fetch --report`")
        held.keep(held.state.imported(result.rows, result.unusable, self._clock()))
        return result

    def _imported(
        self, name: ReportName, file: BinaryIO, account: str, moved: Moved
    ) -> ImportResult:
        """Import a report as `coursebell people import` and `courses import` do a file of it."""
        file.flush()
        run, read = self._run_of(name, account)
        now = self._clock()
        with open(file.fileno(), "rb", closefd=False) as text:
            text.seek(0)
            table = CsvTable(text, JOBS[name][0])
            try:
                result = import_rows(run.ledger, run.store, read(table), now=now, moved=moved)
                run.finish(result, now)
                return result
            finally:
                self._told()

    def _run_of(self, name: ReportName, account: str) -> tuple[ImportRun[Any], Read]:
        """Make what imports a report: that of the users is everybody of its account."""
        ledger = self._api.ledger
        scope = RowScope(SOURCE, account, zone=ZoneCodes(ledger).read)
        if name == "users":
            self._zones.learn(account, self._clock())
            people = PeopleImport(ledger, scope, self._users)
            return people, people.read
        courses = ImportRun(ledger, "courses", Courses(ledger).store)
        return courses, lambda table: courses_in(table, scope)
