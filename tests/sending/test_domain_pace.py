"""So many mails a minute to each domain: in due order, and nobody waits for another domain."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from service.learners.directory.people import PersonRow
from service.rules.calendar import MINUTE
from service.sending.domain_pace import DomainPace
from tests.installation import DONE, START, Installation, completed
from tests.smtp_sink import SmtpSink

AT = START // MINUTE * MINUTE
BUSY, OTHERS = 8, 3


def academy(folder: Path, sink: SmtpSink, **more: str) -> Installation:
    """Learners 0 to 7 are of one domain, the others each of their own; owed in this order."""
    office = Installation(
        folder, DONE, sink.url, COURSEBELL_EMAIL_PER_DOMAIN="3",
        COURSEBELL_EMAIL_CONNECTIONS="2", **more,
    )  # fmt: skip
    office.import_people(
        PersonRow(str(n), email=f"u{n}@{'Busy.example' if n < BUSY else f'own{n}.example'}")
        for n in range(BUSY + OTHERS)
    )
    return office


def owe(office: Installation, learners: range, now: int) -> None:
    office.post(*(completed(now, n) for n in learners))
    office.app.take(now)


def sent(office: Installation, sink: SmtpSink, now: int) -> list[str]:
    """What leaves at a moment, by the part before the @."""
    before = len(sink.mails)
    office.app.views.catch_up()
    office.app.deliver(now)
    office.app.views.catch_up()
    return [mail.recipients[0].partition("@")[0] for mail in sink.mails[before:]]


def test_a_domain_gets_so_many_a_minute_in_due_order_and_others_pass(
    tmp_path: Path, sink: SmtpSink
) -> None:
    with academy(tmp_path, sink) as office:
        owe(office, range(BUSY + OTHERS), AT)
        assert sent(office, sink, AT) == ["u0", "u1", "u2", "u8", "u9", "u10"]
        waiting = [row for row in office.notifications() if row["state"] == "scheduled"]
        assert {row["reason"] for row in waiting} == {"pace"} and len(waiting) == BUSY - 3
        assert sent(office, sink, AT + MINUTE - 1) == []
        assert sent(office, sink, AT + MINUTE) == ["u3", "u4", "u5"]
        assert sent(office, sink, AT + 2 * MINUTE) == ["u6", "u7"]


def test_what_is_owed_later_waits_behind_what_was_put_off(tmp_path: Path, sink: SmtpSink) -> None:
    with academy(tmp_path, sink) as office:
        owe(office, range(5), AT)
        assert sent(office, sink, AT) == ["u0", "u1", "u2"]
        owe(office, range(5, BUSY), AT + MINUTE - 1)
        assert sent(office, sink, AT + MINUTE - 1) == []
        assert sent(office, sink, AT + MINUTE) == ["u3", "u4", "u5"]
        assert sent(office, sink, AT + 2 * MINUTE) == ["u6", "u7"]


def test_after_a_rest_of_the_service_no_minute_gets_more(tmp_path: Path, sink: SmtpSink) -> None:
    with academy(tmp_path, sink) as office:
        owe(office, range(BUSY), AT)
        assert len(sent(office, sink, AT)) == 3
    with academy(tmp_path, sink) as office:
        office.app.recover(AT + 10 * MINUTE)
        minutes = [sent(office, sink, AT + n * MINUTE) for n in (10, 11, 12)]
    assert minutes == [["u3", "u4", "u5"], ["u6", "u7"], []]


def test_a_greylisted_domain_holds_up_nobody(tmp_path: Path, sink: SmtpSink) -> None:
    with academy(tmp_path, sink) as office:
        for n in range(BUSY):
            sink.on("RCPT", "450 4.7.1 greylisted", local=f"u{n}", times=1)
        owe(office, range(BUSY + OTHERS), AT)
        assert sent(office, sink, AT) == ["u8", "u9", "u10"]
        later = [sent(office, sink, AT + n * MINUTE) for n in range(1, 15)]
    assert sorted(each for minute in later for each in minute) == [f"u{n}" for n in range(BUSY)]
    assert max(map(len, later)) <= 3


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 90_000)), max_size=60),
)
def test_no_minute_has_more_and_nobody_overtakes(most: int, told: list[tuple[str, int]]) -> None:
    pace, now, left = DomainPace(most), AT, Counter[tuple[str, int]]()
    waiting: list[tuple[int, int, str]] = []
    order: dict[str, list[int]] = {"a": [], "b": []}

    def asks(number: int, domain: str, *, has_minute: bool) -> None:
        until = pace.put_off(domain, now, has_minute=has_minute)
        if until is None:
            left[domain, now // MINUTE] += 1
            order[domain].append(number)
        else:
            assert until > now
            waiting.append((until, number, domain))

    def come_back() -> None:
        for each in sorted(each for each in waiting if each[0] <= now):
            waiting.remove(each)
            asks(*each[1:], has_minute=True)

    for number, (domain, later) in enumerate(told):
        now += later
        come_back()
        asks(number, domain, has_minute=False)
    while waiting:
        now += MINUTE
        come_back()
    assert all(count <= most for count in left.values())
    assert sum(map(len, order.values())) == len(told)
    if all(later < MINUTE for _, later in told):  # no minute was slept through
        assert all(numbers == sorted(numbers) for numbers in order.values())
