"""A file of people, imported in the current folder as a person would."""

from pathlib import Path

from click.testing import CliRunner, Result

from service.cli import main
from service.learners.directory.people import People, Person
from tests.engines import opened

ADOBE = (
    "internalUserID,userEmail,customerDefinedUniqueUserId,name,managerEmail,userType,state,"
    "pointsEarned,uiLocale,contentLocale,timeZoneCode,group,AF_Cost Center\n"
    "7,ada@example.org,x,Ada,boss@example.org,Internal,ACTIVE,10,en_US,de_DE,Europe/Berlin,"
    '"Eng, All",4711\n'
)


def run(content: str | bytes, *options: str) -> Result:
    raw = content.encode() if isinstance(content, str) else content
    Path("people.csv").write_bytes(raw)
    return CliRunner().invoke(main, ["people", "import", "people.csv", "--new", *options])


def person(lms_id: str, source: str = "", account: str = "") -> Person | None:
    ledger = opened(Path("data"))
    try:
        return People(ledger).find((source, account, lms_id))
    finally:
        ledger.close()
