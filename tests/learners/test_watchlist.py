"""Who asked to be told of a seat, as the log says, and the links by which they ask."""

import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from service.learners.signed_links import (
    KEY_FILE,
    ChoiceLinks,
    WatchLinks,
    secret_key,
    signed_links,
)
from service.learners.watchlist import WatchAsked, Watchlist, WatchStopped, WatchTold
from service.ledger.store import LedgerError

ADA, GRACE = "a" * 32, "9" * 32
SESSION = "i" + "0" * 31 + "b"
LINKS = WatchLinks(b"k" * 32, "https://bell.example.org")


def asked(person: str, at: int = 1) -> WatchAsked:
    return WatchAsked(at=at, person=person)


def test_who_asked_and_did_not_stop_has_a_wish() -> None:
    stopped = WatchStopped(at=3, person=ADA)
    watch = Watchlist.load(SESSION, [asked(ADA), asked(GRACE, 2), stopped])

    assert (watch.version, list(watch.wishes)) == (3, [GRACE])
    assert watch.id == "w" + SESSION[1:] == Watchlist.stream(SESSION)


def test_a_wish_names_what_it_is_told_by_until_it_is_asked_anew() -> None:
    told = WatchTold(at=2, notifications={ADA: "n1", GRACE: "n2"})
    watch = Watchlist.load(SESSION, [asked(ADA), told])

    assert watch.wishes[ADA].notification == "n1" and GRACE not in watch.wishes
    again = watch.apply(3, asked(ADA, 9))
    assert again.wishes[ADA].notification is None and again.wishes[ADA].asked_at == 9


def test_an_event_it_has_already_changes_nothing() -> None:
    watch = Watchlist.load(SESSION, [asked(ADA)])

    assert watch.apply(1, WatchStopped(at=2, person=ADA)) is watch


def test_a_link_says_who_and_what_and_nothing_else_can_be_read_from_it() -> None:
    link = LINKS(ADA, SESSION)
    token = link.removeprefix("https://bell.example.org/watch/")

    assert LINKS.read(token) == (ADA, SESSION)
    assert ADA not in link and len(token) == 88


def test_no_other_token_is_read() -> None:
    token = LINKS.token(ADA, SESSION)
    changed = [f"{token[:i]}{'A' if token[i] != 'A' else 'B'}{token[i + 1 :]}" for i in range(88)]

    assert not any(LINKS.read(each) for each in changed)
    for wrong in ("", token[:-1], f"{token}A", f"{token}=", f"{token}\n", "é" * 88, "=" * 88):
        assert LINKS.read(wrong) is None
    assert WatchLinks(b"another key" * 4, "https://x").read(token) is None


def test_what_the_key_signs_for_another_purpose_is_no_watch() -> None:
    choices = ChoiceLinks(b"k" * 32, "https://x")
    token = choices.token(ADA, "ada@example.org")

    assert LINKS.read(token) is None and choices.read(LINKS.token(ADA, SESSION)) is None
    assert choices.read(token) == (ADA, choices.read(token).address)


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "data", None)

    assert len(key) == 32 and secret_key(tmp_path / "data", None) == key
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert secret_key(tmp_path / "other", None) != key


def test_all_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    together, found = Barrier(8), []

    def make() -> None:
        together.wait()
        found.append(secret_key(tmp_path, None))

    threads = [Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8 and len(set(found)) == 1


def test_a_key_that_is_given_makes_no_file(tmp_path: Path) -> None:
    assert secret_key(tmp_path, "x" * 32) == b"x" * 32
    assert list(tmp_path.iterdir()) == []


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")

    with pytest.raises(LedgerError, match=r"secret\.key: expected 32 bytes, got 5"):
        secret_key(tmp_path, None)


def test_a_folder_that_cannot_hold_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LedgerError, match="set COURSEBELL_SECRET_KEY or mend the folder"):
        secret_key(tmp_path / "file", None)


def test_without_a_public_address_there_are_no_links_and_no_key(tmp_path: Path) -> None:
    assert signed_links(tmp_path, None, None) is None
    assert list(tmp_path.iterdir()) == []
