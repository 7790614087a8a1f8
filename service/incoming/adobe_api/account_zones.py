"""Learn what an account means by its numbers of time zones: its own list has them."""

from service.incoming.adobe_api.api_answers import Answers
from service.incoming.adobe_api.client import AdobeApi, RefusedRequest
from service.incoming.adobe_api.directory_rows import SOURCE
from service.incoming.adobe_api.resources import (
    Document,
    mapping,
    one_or_many,
    resources_in,
    text_of,
)
from service.learners.directory.time_zones import ReadName, read_zone
from service.learners.directory.zone_codes import ZoneCode, ZoneCodes
from service.learners.facts import DAY

MAX_AGE_MS = 7 * DAY


class AccountZones:
    """Read zones as an account writes them, and ask for its list once a week at most."""

    def __init__(self, api: AdobeApi) -> None:
        self._api = api
        self._answers = Answers(api.ledger)
        self._codes = ZoneCodes(api.ledger)

    def read(self, account: str, text: str) -> ReadName:
        """Read a zone by a number of the account's list, or by any name."""
        return self._codes.read(SOURCE, account, text)

    def learn(self, account: str, now: int) -> bool:
        """Ask for the list, and tell whether it was; raises ApiTrouble, BudgetSpent."""
        if not self._answers.is_unasked("account", account, account, since=now - MAX_AGE_MS):
            return False
        try:
            codes, known = zone_codes_in(self._api.get("account"), account), True
        except RefusedRequest:
            codes, known = [], False
        with self._api.ledger.transaction() as cursor:
            self._codes.store(cursor, codes, now)
            self._answers.keep(cursor, ("account", account), {account: int(known)}, now=now)
        return True


def zone_codes_in(document: Document, account: str) -> list[ZoneCode]:
    """Read what an account means by its codes of time zones, of those that are no names."""
    listed = [each.attributes.get("timeZones") for each in resources_in(document, "data")]
    found: list[ZoneCode] = []
    for each in (mapping(zone) for zones in listed for zone in one_or_many(zones)):
        names = (text_of(each.get(name)) for name in ("zoneId", "name"))
        zone = next(filter(None, (read_zone(name).name for name in names if name)), None)
        codes = {text_of(each.get(name)) for name in ("timeZoneCode", "id")}
        if zone:
            known = (code for code in codes if code and read_zone(code).name is None)
            found += [ZoneCode(SOURCE, account, code=code, zone=zone) for code in known]
    return found
