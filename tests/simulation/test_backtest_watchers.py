"""A backtest tells those who had asked, once for each time they asked."""

from service.learners.instance import Instance
from tests.installation import ADA, COURSE, GRACE, HOUR, SESSION, START, Installation, seats
from tests.simulation.recorded_history import fates_of, rehearsed, verified

RULES = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
INSTANCE = Instance.stream("adobe", "1234", COURSE, SESSION)


def test_watchers_are_told_as_they_really_were(tmp_path):
    with Installation(tmp_path, RULES) as here:
        here.import_people([ADA, GRACE])
        here.post(seats(START, 10))
        here.tick(START)
        for hour, lms_id in ((1, "77"), (2, "78"), (6, "77")):
            at = START + hour * HOUR
            here.app.watch_requests.ask(
                INSTANCE, here.app.watch_requests.meet(("adobe", "1234", lms_id), at), at
            )
            here.post(seats(at + HOUR // 2, 9), seats(at + HOUR, 10))
            here.tick(at + HOUR)
        here.app.watch_requests.stop(
            INSTANCE, here.app.watch_requests.meet(("adobe", "1234", "78"), START), START
        )

        assert rehearsed(here, RULES).tally.fates == fates_of(here) != {}
        checked = verified(here)
        assert not checked.differ and checked.reproduced == len(here.notifications())
