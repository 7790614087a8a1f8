"""When a wall clock is doubted, what the time is meanwhile, and how a doubt ends."""

from pathlib import Path

import pytest

from service.running import clocks
from service.running.clocks import SETTLED_MS, TrustedClock, clock_memory, keep_in_memory
from tests.installation import DAY, HOUR, MINUTE, START


class Machine:
    """A wall clock and a steady one; time passes for both, and only one jumps."""

    def __init__(self) -> None:
        self.wall, self.steady = START, 5 * HOUR

    def passes(self, ms: int) -> None:
        self.wall += ms
        self.steady += ms

    def trusted(self, folder: Path | None = None) -> TrustedClock:
        return TrustedClock(lambda: self.wall, steady=lambda: self.steady, folder=folder)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_small_corrections_are_followed_however_many(machine: Machine) -> None:
    clock = machine.trusted()
    for _ in range(10):
        machine.passes(HOUR)
        machine.wall -= 9 * MINUTE

        assert clock() == machine.wall
        assert clock.doubt() is None


def test_a_clock_that_is_off_by_little_again_and_again_is_doubted(machine: Machine) -> None:
    clock = machine.trusted()
    machine.wall += 9 * MINUTE
    assert clock.doubt() is None
    machine.wall += 9 * MINUTE
    assert clock.doubt()


@pytest.mark.parametrize("jump", [31 * DAY, 11 * MINUTE, -11 * MINUTE, -2 * DAY, -START])
def test_the_time_before_a_jump_is_carried_on_and_nothing_else_is_said(
    machine: Machine, jump: int
) -> None:
    clock = machine.trusted()
    machine.wall += jump
    machine.passes(MINUTE)

    assert clock() == START + MINUTE
    assert clock.moments() == (START + MINUTE, START + MINUTE + jump)
    assert f"{abs(jump) // 1000} seconds {'ahead of' if jump > 0 else 'behind'}" in str(
        clock.doubt()
    )
    machine.wall -= jump
    assert clock.moments() == (START + MINUTE,)
    assert clock.doubt() is None


@pytest.mark.parametrize("jump", [31 * DAY, -2 * DAY])
def test_a_clock_that_goes_on_evenly_for_an_hour_is_believed(machine: Machine, jump: int) -> None:
    clock = machine.trusted()
    machine.wall += jump
    assert clock.doubt()
    machine.passes(SETTLED_MS - 1)
    assert clock.doubt()
    machine.passes(1)
    assert clock.doubt() is None
    assert clock() == START + jump + SETTLED_MS


def test_the_hour_begins_anew_when_it_jumps_again(machine: Machine) -> None:
    clock = machine.trusted()
    for _ in range(5):
        machine.wall += DAY
        assert clock.doubt()
        machine.passes(SETTLED_MS - 1)
        assert clock.doubt()


def test_events_of_the_time_it_shows_make_a_clock_ahead_believed(machine: Machine) -> None:
    clock = machine.trusted()
    machine.wall += 3 * HOUR
    clock.doubt()
    clock.hear([START - DAY, START + HOUR, START + 9 * DAY])
    assert clock.doubt(), "old news, another time and a sender who is wrong say nothing for it"
    clock.hear([START + 3 * HOUR - MINUTE])
    assert clock.doubt() is None


@pytest.mark.parametrize("jump", [31 * DAY, -2 * DAY])
def test_events_of_the_time_before_the_jump_speak_against_a_clock(
    machine: Machine, jump: int
) -> None:
    clock = machine.trusted()
    machine.wall += jump
    for hours in range(1, 10):
        assert clock.doubt()
        machine.passes(SETTLED_MS - MINUTE)
        clock.doubt()
        clock.hear([START + hours * (SETTLED_MS - MINUTE)])
    machine.passes(SETTLED_MS)
    assert clock.doubt() is None


def test_old_news_keeps_no_clock_in_doubt(machine: Machine) -> None:
    """As what is delivered again after a clock that had been ahead was put right."""
    clock = machine.trusted()
    machine.wall -= 8 * HOUR
    clock.doubt()
    machine.passes(SETTLED_MS - 1)
    clock.hear([START - 8 * HOUR - DAY, START - 5 * HOUR])
    assert clock.doubt()
    machine.passes(1)
    assert clock.doubt() is None


@pytest.mark.parametrize("against", [False, True])
def test_what_was_told_by_a_clock_behind_makes_it_believed_sooner(
    machine: Machine, against: bool
) -> None:
    """As when a machine began with a clock ahead, and it was put right."""
    clock = machine.trusted()
    machine.wall -= 8 * HOUR
    clock.doubt()
    clock.hear([START - 8 * HOUR - MINUTE, *([START - MINUTE] if against else [])])
    assert clock.doubt(), "it may be old news"
    machine.passes(MINUTE)
    assert (clock.doubt() is None) is not against


def test_a_clock_behind_the_ledger_is_doubted_at_the_start(machine: Machine) -> None:
    clock = machine.trusted()
    clock.not_before(START + DAY)
    assert "behind" in str(clock.doubt())
    assert clock() == START + DAY
    clock.hear([START + 40 * DAY])
    machine.passes(SETTLED_MS - 1)
    assert clock.doubt(), "the machine was off for as long as that"
    machine.wall += 40 * DAY
    clock.hear([machine.wall])
    assert clock.doubt() is None


@pytest.mark.parametrize("newest", [None, START - 400 * DAY, START + MINUTE])
def test_a_clock_that_is_not_behind_the_ledger_is_not_doubted(
    machine: Machine, newest: int | None
) -> None:
    clock = machine.trusted()
    clock.not_before(newest)
    assert clock.doubt() is None


def test_a_restart_in_between_forgets_nothing(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "steady_clock", lambda: machine.steady)
    assert machine.trusted(tmp_path).check() is None
    machine.passes(90 * DAY)
    clock = machine.trusted(tmp_path)
    assert clock.check() is None, "a service may rest as long as it likes"
    machine.passes(SETTLED_MS // 2)
    machine.wall += 2 * MINUTE
    assert clock.check() is None
    kept = clock_memory(tmp_path)
    assert kept and kept.carried_on(machine.steady) == machine.wall
    machine.wall += DAY
    again = machine.trusted(tmp_path)
    again.not_before(machine.wall)
    assert again.check()
    assert again() == machine.wall - DAY
    assert (tmp_path / clocks.CLOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_a_person_is_heard_while_it_runs(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "steady_clock", lambda: machine.steady)
    clock = machine.trusted(tmp_path)
    assert clock.check() is None
    machine.wall -= DAY
    assert clock.check() and clock.check()
    assert keep_in_memory(tmp_path, machine.wall)
    assert clock.check() is None
    assert clock() == machine.wall


READING = b'{"wall": %d, "steady": 1, "boot": "%s"}'


@pytest.mark.parametrize(
    "kept",
    [b"", b"{", b"[]", b'{"wall": "x", "steady": 1}', b"\0" * 50, b'{"\xff": 1}']
    + [READING % (wall, clocks._boot().encode()) for wall in (-1, 10**30)],
)
def test_a_memory_that_cannot_be_read_is_none(
    tmp_path: Path, machine: Machine, kept: bytes
) -> None:
    (tmp_path / clocks.CLOCK_FILE).write_bytes(kept)
    assert clock_memory(tmp_path) is None
    assert machine.trusted(tmp_path).check() is None
    assert clock_memory(tmp_path)


def test_another_start_of_the_machine_has_another_memory(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep_in_memory(tmp_path, START)
    (tmp_path / "boot_id").write_text("another\n")
    for boot in ("boot_id", "missing"):
        monkeypatch.setattr(clocks, "BOOT_ID", tmp_path / boot)
        assert clock_memory(tmp_path) is None
        assert machine.trusted(tmp_path).check() is None
