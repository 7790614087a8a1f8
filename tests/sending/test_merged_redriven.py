"""What ended `merged` by a mistake is told after all, once the two are two people again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.sending.operator import redrive
from tests.installation import DONE, HOUR, MINUTE, START, Installation, completed
from tests.merged_people import merge
from tests.real_service import RealService
from tests.sending.test_merged import NEW, OLD, mails, told
from tests.waiting import until

PEOPLE = "id,name,email\n77,Ada Byron,old@example.org\n78,Ida Byron,new@example.org\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RealService]:
    with RealService(tmp_path, DONE) as found:
        found.import_people(PEOPLE, "--source", "adobe")
        yield found


def test_it_is_refused_while_they_are_one_and_sent_when_they_are_two(service: RealService) -> None:
    def said(*words: str) -> tuple[int, str]:
        done = service.command(*words)
        return done.returncode, done.stdout + done.stderr

    service.command("mute", "--all")
    service.post(completed(START, 77), completed(START + 1, 78))
    service.letter(1)
    service.command("people", "merge", "77", "78")
    service.command("unmute", "--all")
    ended = service.notifications(
        lambda items: sorted(i["state"] for i in items) == ["cancelled", "sent"], "both have ended"
    )
    (lost,) = (each["id"] for each in ended if each["state"] == "cancelled")
    code, words = said("notifications", "redrive", lost)
    assert code == 1 and "`coursebell people merge LMS_ID --undo`" in words
    assert said("notifications", "redrive", "--state", "cancelled") == (
        0, "0 of 0 notifications tried again\n",
    )  # fmt: skip
    path = f"/api/v1/notifications/{lost}/redrive"
    refused = service.call("POST", path, b"")
    assert refused.status == 409 and b"people merge" in refused.body

    code, words = said("people", "merge", "77", "--undo")
    assert code == 0 and "1 notification of the two ended as `merged`" in words
    assert said("notifications", "redrive", "--state", "cancelled") == (
        0, "1 of 1 notification tried again\n",
    )  # fmt: skip
    drawer = service.data / "drawer"
    until(lambda: len(list(drawer.glob("*.eml"))) == 2, "both are told")
    told_to = "".join(path.read_text() for path in drawer.glob("*.eml"))
    assert "old@example.org" in told_to and "new@example.org" in told_to
    again = service.call("POST", path, b"")
    assert again.status == 409 and b"got sent" in again.body


def test_also_what_was_not_told_of_the_one_who_counted(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([OLD, NEW])
        here.post(completed(START, 77))
        here.tick(START)
        here.post(completed(START + HOUR, 78))
        here.app.take(START + HOUR)
        merge(here, 77, 78, START + HOUR)
        here.tick(START + HOUR + MINUTE)
        assert told(here) == [("cancelled", "merged"), ("sent", None)]
        (lost,) = [row["id"] for row in here.notifications() if row["reason"] == "merged"]
        streams, lookup = here.app.notification_streams, here.app.writer.lookup
        done, ((_, why),) = redrive(streams, [lost], START + 2 * HOUR, lookup)
        assert not done and "another record of the same person" in why
        merge(here, 77, None, START + 2 * HOUR)
        assert redrive(streams, [lost], START + 3 * HOUR, lookup) == ([lost], [])
        here.tick(START + 3 * HOUR)
        assert told(here) == [("sent", None)] * 2
        assert {line.split("<")[1] for line in mails(here)} == {
            "new@example.org>", "old@example.org>",
        }  # fmt: skip
