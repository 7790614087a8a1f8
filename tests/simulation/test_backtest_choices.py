"""A backtest knows what readers had chosen by then, and what they had not chosen yet."""

from service.rules.readers.choices import Choices, OwnList
from tests.installation import ADA, DAY, DONE, START, Installation, completed
from tests.simulation.recorded_history import fates_of, rehearsed, verified


def test_who_comes_back_earlier_is_told_at_that_moment(tmp_path):
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        for day, wanted in enumerate((Choices(back_on="2027-02-01"), Choices())):
            at = START + day * DAY
            here.app.choice_requests.change(
                ADA.email or "", lambda _, then=wanted: then, at, by="reader"
            )
            if not day:
                here.post(completed(at, 77))
            here.tick(at)

        assert here.states() == ["sent"]
        assert rehearsed(here, DONE).tally.fates == fates_of(here)
        assert not verified(here).differ


def test_what_was_stopped_for_a_while_is_told_before_and_after(tmp_path):
    with Installation(tmp_path, DONE) as here:
        here.import_people([ADA])
        wanted = (Choices(), Choices(stopped_all=True), Choices(own_list=OwnList("day", 480)))
        for day, choices in enumerate((*wanted, Choices())):
            at = START + 3 * day * DAY
            here.app.choice_requests.change(
                ADA.email or "", lambda _, then=choices: then, at, by="reader"
            )
            here.post(completed(at, 77))
            here.tick(at)
            here.tick(at + DAY)

        found = fates_of(here)
        assert rehearsed(here, DONE).tally.fates == found != {}
        checked = verified(here)
        assert not checked.differ and checked.reproduced == len(here.notifications()) == 4
        assert sorted(n["state"] for n in here.notifications()) == ["sent"] * 3 + ["suppressed"]
