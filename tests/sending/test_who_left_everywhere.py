"""Who has left by a row for every account or source is not written to here."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from service.learners.directory.people import PersonRow
from tests.installation import DONE, START, Installation
from tests.installation import completed as done
from tests.sending.test_who_left import ABOVE, outcomes, told


@pytest.mark.parametrize("boss_first", [True, False])
@pytest.mark.parametrize("source", ["adobe", ""])
def test_a_manager_at_an_address_who_left_by_a_row_for_all_is_not_written_to(
    tmp_path: Path, boss_first: bool, source: str
) -> None:
    ada = PersonRow("77", "adobe", "1234", name="Ada", manager="boss@example.org")
    boss = PersonRow("88", source, email="boss@example.org", left_as="deleted")
    with Installation(tmp_path, ABOVE) as office:
        for each in [boss, ada] if boss_first else [ada, boss]:
            office.import_people([each])
        office.post(done(START, 77))
        office.tick()

        assert (told(office), outcomes(office)) == ([], [("suppressed", "left")])


def test_the_newest_word_of_a_source_says_who_has_left(tmp_path: Path) -> None:
    here = PersonRow("77", "adobe", "1234", email="ada@example.org", left_as="")
    with Installation(tmp_path, DONE) as office:
        office.import_people([here])
        office.import_people([PersonRow("77", "adobe", left_as="deleted")], START + 1)
        office.import_people([PersonRow("77", "", left_as="")], START + 2)
        office.post(done(START, 77))
        office.tick(START + 2)
        assert outcomes(office) == [("suppressed", "left")]
        office.import_people([replace(here, left_as="suspended")], START + 3)
        office.import_people([here], START + 4)
        office.post(done(START + 4, 77, session="course:7_2"))
        office.tick(START + 4)
        assert told(office) == ["ada@example.org"]
