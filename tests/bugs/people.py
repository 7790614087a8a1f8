"""Deliberate bugs about who is who."""

from tests.bugs.bug import Bug

PEOPLE = (
    Bug(
        3, "write to who has left", "service/rules/verdict.py",
        "    return Ended(at=case.now, state=SUPPRESSED, reason=LEFT) if found.left else None\n",
        "    case.recipient = found.meant\n    return None\n", "tests/sending/test_who_left.py",
    ),
    Bug(
        3, "write to an address that bounced", "service/rules/readers/choices.py",
        "        if self.unreachable:\n            return self.unreachable.reason\n", "",
        "tests/sending/test_address_bounces.py",
    ),
    Bug(
        3, "suppress whom a made-up bounce names", "service/app/bounce_hearing.py",
        "            sent = self._sent(report.message_id)\n",
        "            sent = self._sent(report.message_id) or self._known(report.address, now)\n",
        "tests/api/test_bounce_doors.py",
    ),
    Bug(
        3, "suppress by a certificate out of a bucket", "service/incoming/bounces/sns.py",
        'found[1] != self.topic_arn.split(":")[3] or ', "", "tests/api/test_bounce_providers.py",
    ),
    Bug(
        3, "suppress by an event behind a signature that was seen",
        "service/incoming/bounces/mailgun.py", "    if found.told is None or message_id is None:\n",
        "    if found.told is None:\n", "tests/api/test_bounce_providers.py",
    ),
    Bug(
        2, "answer a stranger's 401 where Amazon is silent", "service/incoming/bounces/sns.py",
        "        except (ReportRefused, ", "        except (ReportDelayed, ReportRefused, ",
        "tests/api/test_bounce_providers.py",
    ),
    Bug(
        3, "tell who left the group", "service/rules/verdict.py",
        "    if is_member_still(case.owed, case.world):\n", "    if case.owed:\n",
        "tests/sending/test_who_left.py",
    ),
    Bug(
        3, "who leads themselves is told as the manager", "service/learners/directory/managers.py",
        "        if _is_one(found.person, person) or _names_own_address(person):\n",
        "        if found.person is person:\n",
        "tests/learners/directory/test_managers_found.py",
    ),
    Bug(
        3, "climb in a circle of managers", "service/learners/directory/managers.py",
        'FoundManager(None, "circle") if self.leads_to(person, found.person) else found', "found",
        "tests/learners/directory/test_managers_found.py",
    ),
    Bug(
        3, "meet apart whose rows are merged", "service/learners/directory/people.py",
        "        inherit_merges(cursor, [key for _, key in people])\n", "",
        "tests/learners/test_merged_before_letters.py",
    ),
    Bug(
        3, "who has the id here for a manager named everywhere",
        "service/learners/directory/managers.py",
        "self._reader(self._elsewhere(link, rows, found) or found)", "self._reader(found)",
        "tests/learners/directory/test_managers_found.py",
    ),
)  # fmt: skip
