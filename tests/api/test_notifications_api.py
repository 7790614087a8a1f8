"""Notifications as the API tells them, and asking for one again."""

from typing import get_args, get_type_hints

from service.api.resources.notifications import Step
from service.learners.directory.people import PersonRow
from service.ledger.store import Append
from service.rules.notification import HELD, KINDS, AttemptEnded, AttemptStarted, Redriven
from service.sending.operator import mute
from tests.installation import ADA, DAY, GRACE, START, completed, seats

PERSONAL = ("Ada", "ada@example.org", "boss@example.org", "Grace", "grace@")


def listed(client, **query):
    return client.get("/api/v1/notifications", params=query).json()["items"]


def shown(client, id):
    return client.get(f"/api/v1/notifications/{id}").json()


def append(office, id, version, *bodies):
    """Events as a delivery would append them."""
    events = [(id, version + i, body) for i, body in enumerate(bodies)]
    assert office.app.store.append_unless_moved(events)
    office.app.views.catch_up()


def expired(office):
    """A completion of somebody whose address stayed unknown."""
    office.post(completed(START, 77))
    office.tick(START)
    office.tick(START + 31 * DAY)


def test_a_notification_is_told_with_everything_that_happened_to_it(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.tick(START)

    (found,) = listed(client, rule="done")
    whole = shown(client, found["id"])

    (enrollment,) = client.get("/api/v1/enrollments").json()["items"]
    assert found == {
        "id": found["id"], "state": "sent", "reason": None, "rule": "done", "mode": "live",
        "trigger": "enrollment.completed", "to": "learner", "member": None, "channel": "email",
        "template": "completed", "subject": enrollment["id"], "source": "adobe",
        "account": "1234", "learner": "77", "course": "course:7", "kind": "course",
        "instance": "course:7_1", "attempts": 1, "decided_at": "2026-11-16T09:00:00Z",
        "due_at": None, "ended_at": whole["ended_at"],
    }  # fmt: skip
    history = whole.pop("history")
    assert whole == found
    assert [step["kind"] for step in history] == ["owed", "attempt_started", "attempt_ended"]
    assert history[0] == {
        "version": 1, "at": "2026-11-16T09:00:00Z", "kind": "owed",
        "due_at": "2026-11-16T09:00:00Z", "event_name": "COURSE_COMPLETED",
        "event_at": "2026-11-16T09:00:00Z",
    }  # fmt: skip
    assert history[2]["outcome"] == "accepted"
    assert history[2]["then"] == "sent"


def test_the_latest_come_first_and_state_and_rule_choose(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.post(completed(START + 1000, 78))
    office.post(seats(START, 10), seats(START + 2000, 9))
    office.tick(START + 3000)

    assert [each["rule"] for each in listed(client)] == ["free", "done", "done"]
    assert [each["learner"] for each in listed(client)] == [None, "78", "77"]
    assert [each["learner"] for each in listed(client, state="waiting_address")] == ["78"]
    assert [each["to"] for each in listed(client, rule="free")] == ["room:room"]
    assert listed(client, rule="free", state="owed") == []


def test_a_member_of_a_group_is_told_by_the_id_of_the_lms(client, office):
    office.import_people(
        [ADA, PersonRow("78", email="grace@example.org", groups=("team",), name="Grace")]
    )
    office.post(completed(START, 77))
    office.tick(START)

    (found,) = listed(client, rule="team")

    assert (found["to"], found["member"], found["learner"]) == ("group:team", "78", "77")


def test_neither_name_nor_address_nor_person_id_is_told(client, office):
    office.import_people([ADA, GRACE])
    office.post(completed(START, 77), completed(START, 78))
    office.tick(START)
    persons = [row[0] for row in office.app.ledger.reader().execute("SELECT id FROM people")]

    told = client.get("/api/v1/notifications").text + client.get("/api/v1/enrollments").text
    told += "".join(client.get(f"/api/v1/notifications/{n['id']}").text for n in listed(client))

    assert not [secret for secret in (*PERSONAL, *persons) if secret in told]


def test_a_reply_is_told_while_it_is_kept_and_without_the_address(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    (owed,) = listed(client)
    ended = AttemptEnded(at=START, outcome="permanent", then="given_up", code=550, status="5.1.1")
    append(office, owed["id"], 2, AttemptStarted(at=START, worker="w", until=START + 1), ended)
    reply = "550 5.1.1 <ada@example.org>: no such mailbox"
    office.app.ledger.append(Append(erasable=[(owed["id"], "reply/3", reply)]))

    kept = shown(client, owed["id"])
    with office.app.ledger.transaction() as cursor:
        cursor.execute("DELETE FROM erasable")
    erased = shown(client, owed["id"])

    assert kept["state"] == "given_up"
    assert kept["reason"] == "permanent 550"
    assert kept["history"][2] == {
        "version": 3, "at": "2026-11-16T09:00:00Z", "kind": "attempt_ended",
        "outcome": "permanent", "then": "given_up", "code": 550, "status": "5.1.1",
        "reply": "550 5.1.1 <[address]>: no such mailbox",
    }  # fmt: skip
    assert "reply" not in erased["history"][2]


def test_what_expired_is_sent_when_a_person_asks_for_it(client, office):
    expired(office)
    (found,) = listed(client)
    assert (found["state"], found["ended_at"]) == ("expired", "2026-12-17T09:00:00Z")

    answer = client.post(f"/api/v1/notifications/{found['id']}/redrive")
    again = client.post(f"/api/v1/notifications/{found['id']}/redrive")
    office.import_people([ADA])
    office.tick(START)

    assert answer.status_code == 200
    assert answer.json()["state"] == "owed"
    assert answer.json()["due_at"] == "2026-11-16T09:00:00Z"
    assert answer.json()["history"][-1]["kind"] == "redriven"
    assert again.status_code == 409
    assert again.json()["detail"] == "expected one of expired, given_up, held, got owed"
    assert [each["state"] for each in listed(client)] == ["sent"]


def test_every_kind_of_event_is_one_that_the_description_names(client, office):
    ours = {kind.TOPIC.removeprefix("notification.") for kind in KINDS}
    assert set(get_args(get_type_hints(Step)["kind"])) == ours

    mute(office.app.store, None, START)
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.tick(START)
    (found,) = listed(client)
    history = shown(client, found["id"])["history"]
    assert [(step["kind"], step.get("reason")) for step in history] == [
        ("owed", None), ("held", "muted"),
    ]  # fmt: skip


def test_what_is_held_or_given_up_may_be_tried_again_and_what_was_sent_may_not(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    (owed,) = listed(client)
    path = f"/api/v1/notifications/{owed['id']}/redrive"

    held = AttemptEnded(at=START, outcome="unknown", then=HELD)
    append(office, owed["id"], 2, held)
    assert client.post(path).status_code == 200
    append(office, owed["id"], 4, AttemptEnded(at=START, outcome="permanent", then="given_up"))
    assert client.post(path).status_code == 200
    office.tick(START)
    assert client.post(path).status_code == 409
    assert [each["state"] for each in listed(client)] == ["sent"]


def test_of_two_who_ask_at_once_one_is_told_to_look_again(client, office, monkeypatch):
    expired(office)
    (found,) = listed(client)
    streams = office.app.notification_streams
    read = streams.notifications

    def read_and_be_overtaken(ids):
        known = read(ids)
        append(office, found["id"], known[0].version + 1, Redriven(at=START))
        return known

    monkeypatch.setattr(streams, "notifications", read_and_be_overtaken)
    answer = client.post(f"/api/v1/notifications/{found['id']}/redrive")

    assert answer.status_code == 409
    kinds = [step["kind"] for step in shown(client, found["id"])["history"]]
    assert kinds.count("redriven") == 1


def test_an_id_of_something_else_is_no_notification(client, office):
    office.post(completed(START, 77))
    office.tick(START)
    (enrollment,) = client.get("/api/v1/enrollments").json()["items"]

    for id in (enrollment["id"], "n0", "rules", "clock"):
        assert client.get(f"/api/v1/notifications/{id}").status_code == 404
        assert client.post(f"/api/v1/notifications/{id}/redrive").status_code == 404
