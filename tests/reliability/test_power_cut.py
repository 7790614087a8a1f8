"""The power goes while letters come in: every 202 is on the disk afterwards (design §10, 1).

And what became of each mail, but for one on each connection.
"""

import random

import pytest

from tests.campaigns import campaign, length
from tests.installation import DONE
from tests.real_service import RealService
from tests.reliability.adobe import Crowd, people
from tests.reliability.books import Books, check_connections, check_letters, check_mails
from tests.reliability.disk import Disk, why_not
from tests.smtp_sink import SLOW, SmtpSink
from tests.waiting import until

CUTS = length(5, sample=2)
CONNECTIONS = 4


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "trial").mkdir()
    if reason := why_not(tmp_path / "trial"):
        pytest.skip(reason)
    with Disk(tmp_path) as disk:
        yield disk


@campaign
def test_every_letter_acknowledged_before_a_power_cut_is_there_after_it(tmp_path, disk):
    moments = random.Random(5)
    data = disk.folder / "data"
    with (
        SmtpSink() as sink,
        RealService(
            tmp_path,
            DONE,
            COURSEBELL_EMAIL_URL=sink.url,
            COURSEBELL_DATA=str(data),
            COURSEBELL_STORM_LIMIT="1000000",
            COURSEBELL_EMAIL_CONNECTIONS=str(CONNECTIONS),
        ) as service,
    ):
        sink.on("dot", SLOW)
        (tmp_path / "people.csv").write_text(people())
        assert service.command("people", "import", "people.csv").returncode == 0
        with Crowd(service, 4) as crowd:
            for _ in range(CUTS):
                crowd.wait_for(moments.randint(20, 60))
                disk.cut_the_power()
                service.kill()
                disk.eject()
                disk.power_on()
                service.start()
        sink.on("dot", "250 2.0.0 taken")
        until(service.is_settled, "everything owed is sent", 60)
        assert service.stop() == 0
        assert service.command("fsck").returncode == 0
        with Books(data) as books:
            check_letters(books, crowd)
            check_mails(books, sink, books.unknowns())
            check_connections(books, CONNECTIONS)
