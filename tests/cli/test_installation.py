"""Commands that look at one data folder at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.cli.options import installation
from service.ledger.data_folder import lock_data_folder
from service.ledger.store import LedgerError
from tests.installation import DONE, START, completed
from tests.installation import Installation as Office
from tests.waiting import until


def test_a_command_waits_for_the_views_that_another_one_is_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Office(tmp_path, DONE) as office:
        office.post(completed(START, 77))
        office.tick()
    data = tmp_path / "data"
    for file in data.glob("views.db*"):
        file.unlink()
    refused: list[str] = []
    opened = installation.open_views

    def tried(*args: Any, **options: Any) -> Any:
        try:
            return opened(*args, **options)
        except LedgerError as error:
            refused.append(str(error))
            raise

    monkeypatch.setattr(installation, "open_views", tried)
    with ThreadPoolExecutor() as pool:
        with lock_data_folder(data):
            looking = pool.submit(lambda: installation.Installation(data).close())
            until(lambda: refused, "it was refused once")
            assert not looking.done()
        looking.result()
    assert "found none that can be used" in refused[0]
