"""The throttle: one too many is dropped and says so; what nobody got does not count."""

from service.sending import queue
from service.sending.channels.channel import SendResult
from tests.installation import ADA, DAY, HOUR, MINUTE, START, Installation, progressed, seats
from tests.merged_people import merge
from tests.sending.test_merged import NEW, OLD
from tests.smtp_sink import SmtpSink

FURTHER = """
  - id: further
    trigger: {event: enrollment.progressed}
    notify:
      - {to: learner, via: email, template: stalled, throttle: {max: 2, per: 12h}}
"""
ROOM = """
  - id: further
    trigger: {change: instance.seats_available}
    notify:
      - {post: room, template: seat_free, throttle: {max: 1, per: 12h}}
"""
OTHER = {"course": "course:8", "session": "course:8_1"}


def steps(desk, *moments, **more):
    for percent, moment in enumerate(moments, start=1):
        desk.post(progressed(moment, 77, percent * 5.0, **more))
        desk.tick(moment)


def test_one_too_many_is_dropped_and_the_window_slides(tmp_path):
    with Installation(tmp_path, FURTHER) as desk:
        desk.import_people([ADA])
        steps(desk, START, START + HOUR, START + 2 * HOUR)
        assert [(r["state"], r["reason"]) for r in desk.notifications()] == [
            ("sent", None), ("sent", None), ("dropped", "throttle")
        ]  # fmt: skip

        desk.post(progressed(START + 12 * HOUR, 77, 50))
        desk.tick(START + 12 * HOUR)
        assert desk.states()[-1] == "sent"
        desk.post(progressed(START + 12 * HOUR + 1, 77, 51))
        desk.tick(START + 12 * HOUR + 1)
        assert desk.states()[-1] == "dropped"


def test_many_that_are_due_together_are_counted_one_by_one(tmp_path):
    with Installation(tmp_path, FURTHER) as desk:
        desk.import_people([ADA])
        desk.post(*(progressed(START + n, 77, 10.0 + n) for n in range(5)))
        desk.tick(START + 5)
        assert sorted(desk.states()) == ["dropped"] * 3 + ["sent"] * 2


def test_each_recipient_has_a_throttle_and_each_course_if_so_grouped(tmp_path):
    rules = FURTHER.replace("per: 12h", "per: 12h, group_by: [course.id]").replace(": 2,", ": 1,")
    with Installation(tmp_path, rules) as desk:
        desk.import_people([ADA])
        steps(desk, START, START + HOUR)
        steps(desk, START + 2 * HOUR, **OTHER)
        assert desk.states() == ["sent", "dropped", "sent"]


def test_a_restart_remembers_what_was_let_through(tmp_path):
    with Installation(tmp_path, FURTHER) as desk:
        desk.import_people([ADA])
        steps(desk, START, START + HOUR)
        desk.reopen(START + HOUR)
        desk.post(progressed(START + 2 * HOUR, 77, 60))
        desk.tick(START + 2 * HOUR)
        assert desk.states() == ["sent", "sent", "dropped"]


def test_what_was_given_up_does_not_count_and_a_retry_counts_once(tmp_path):
    with SmtpSink() as sink, Installation(tmp_path, FURTHER, email=sink.url) as desk:
        desk.import_people([ADA])
        sink.on("RCPT", "550 5.7.1 not today", times=1)
        steps(desk, START)
        assert desk.states() == ["given_up"]
        sink.on("RCPT", "451 4.7.1 later", times=1)
        desk.post(progressed(START + HOUR, 77, 30))
        desk.tick(START + HOUR)
        desk.tick(START + HOUR + 2 * MINUTE)
        assert desk.states() == ["given_up", "sent"]
        desk.post(progressed(START + 2 * HOUR, 77, 40))
        desk.tick(START + 2 * HOUR)
        desk.post(progressed(START + 3 * HOUR, 77, 50))
        desk.tick(START + 3 * HOUR)
        assert desk.states() == ["given_up", "sent", "sent", "dropped"]


def test_a_room_has_a_throttle(tmp_path):
    with Installation(tmp_path, ROOM) as desk:
        for n, taken in enumerate((10, 9, 8, 7)):
            desk.post(seats(START + n, taken))
            desk.tick(START + n)
        assert sorted(desk.states()) == ["dropped", "dropped", "sent"]
        desk.post(seats(START + DAY, 6))
        desk.tick(START + DAY)
        assert sorted(desk.states()) == ["dropped", "dropped", "sent", "sent"]


def test_a_clock_that_was_ahead_silences_nobody_for_a_year(tmp_path):
    with Installation(tmp_path, ROOM) as desk:
        desk.post(seats(START, 10), seats(START + 1, 9))
        desk.tick(START + 300 * DAY)
        desk.post(seats(START + 2, 8))
        desk.tick(START + HOUR)
        desk.post(seats(START + 3, 7))
        desk.tick(START + HOUR - MINUTE)
        assert sorted(desk.states()) == ["dropped", "sent", "sent"]


def test_what_another_sender_let_through_meanwhile_counts(tmp_path, monkeypatch):
    """The first of two is lost to it, and the second counted on the first."""
    with Installation(tmp_path, FURTHER) as desk:
        desk.import_people([ADA])
        desk.post(*(progressed(START + n, 77, 10.0 + n) for n in range(3)))
        desk.app.take(START + 3)
        first, second, third = (row["id"] for row in desk.notifications())
        mine, (other,) = (pool := desk.app.deliveries)["email"], pool._workers("email", [Silent()])
        append, due = mine._recorder.append, queue.due
        rounds = [[first, second], [third]]

        def another_first(steps, *texts, **how):
            if steps and rounds:
                other.deliver(START + 3)
            return append(steps, *texts, **how)

        def in_hand(*asked, **more):
            return rounds.pop(0) if rounds else due(*asked, **more)

        monkeypatch.setattr(mine._recorder, "append", another_first)
        monkeypatch.setattr(queue, "due", in_hand)
        mine.deliver(START + 3)
        desk.tick(START + 4)
        assert sorted(desk.states()) == ["dropped", "sent", "sent"]


class Silent:
    """A way out on which everything arrives."""

    form, batch, domain, replies = "email", 1, None, False

    def fits(self, message):
        return True

    def send(self, outgoing):
        return SendResult("accepted", 250)

    def close(self):
        pass


def test_what_was_sent_to_another_record_of_the_reader_counts(tmp_path):
    with Installation(tmp_path, FURTHER) as desk:
        desk.import_people([OLD, NEW])
        steps(desk, START, START + HOUR)
        merge(desk, 77, 78, START + HOUR)
        desk.post(progressed(START + 2 * HOUR, 78, 50))
        desk.tick(START + 2 * HOUR)
        assert desk.states() == ["sent", "sent", "dropped"]
        desk.post(progressed(START + 12 * HOUR, 78, 51))
        desk.tick(START + 12 * HOUR)
        assert desk.states()[-1] == "sent"
        merge(desk, 77, None, START + 12 * HOUR)
        desk.post(*(progressed(START + 12 * HOUR + n, 78, 52.0 + n) for n in (1, 2)))
        desk.tick(START + 12 * HOUR + 2)
        assert sorted(desk.states()[-2:]) == ["dropped", "sent"]
