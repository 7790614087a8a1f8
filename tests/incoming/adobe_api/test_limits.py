"""The API's limits and failures: budget, tokens, too many requests, and answers of no use."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic

import pytest

from service.incoming.adobe_api import http_exchange
from service.incoming.adobe_api.api_state import api_standing
from service.incoming.adobe_api.budget import WINDOW_MS, RequestBudget
from service.incoming.adobe_api.http_exchange import (
    ANSWER_BYTES,
    ApiTrouble,
    Request,
    exchange,
)
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.adobe_api import AdobeApi, user
from tests.endless import Endless
from tests.incoming.adobe_api.conftest import Asking
from tests.installation import HOUR, ROOT, START
from tests.smtp_sink import certificate, server_tls
from tests.waiting import until

CLAIMING = """
import sys
from pathlib import Path
from service.incoming.adobe_api.budget import RequestBudget
from service.ledger.sqlite.sqlite_store import SqliteStore
budget = RequestBudget(SqliteStore(Path(sys.argv[1])))
sys.stdout.write(str(sum(budget.claim(int(sys.argv[2]) + n) is None for n in range(400))))
"""


def test_two_processes_and_what_comes_after_them_share_one_budget(tmp_path):
    SqliteStore(tmp_path / "ledger.db").close()
    command = [sys.executable, "-c", CLAIMING, str(tmp_path / "ledger.db"), str(START)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    claimed = [int(process.communicate(timeout=120)[0]) for process in running]

    assert sum(claimed) == 500
    budget = RequestBudget(SqliteStore(tmp_path / "ledger.db"))
    frees_at = budget.claim(START + 60_000)
    assert frees_at == START + WINDOW_MS
    assert budget.claim(frees_at - 1) is not None
    assert budget.claim(frees_at) is None


def test_of_many_who_claim_at_once_no_more_than_the_limit_may_ask(opened):
    budgets = [RequestBudget(opened(), limit=50) for _ in range(4)]

    def claim(budget):
        return sum(budget.claim(START + n) is None for n in range(25))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, budgets)) == 50


def test_restarts_never_take_the_service_over_the_budget(asking, api):
    api.requests_an_hour = 12
    asking.meet(*range(100, 400))
    for _ in range(10):
        asking.restarted()
        asking.client.budget = RequestBudget(asking.ledger, limit=12)
        asking.steps(3)

    assert len(api.asked) == 12
    assert api.statuses[429] == 0
    assert asking.client.budget.use(asking.now).left == 0
    assert asking.refresh.rest_seconds(asking.now) > 3_600

    asking.now += HOUR + 2 * 60_000
    api.requests_an_hour = 100
    assert asking.refresh.rest_seconds(asking.now) == 0
    asking.step()
    assert len(api.asked) > 12


def test_what_a_clock_ahead_has_claimed_counts_from_now(opened):
    budget = RequestBudget(opened(), limit=2)
    assert budget.claim(START + 1_000 * HOUR) is None

    assert budget.claim(START) is None
    assert budget.claim(START + 1) == START + WINDOW_MS


def test_one_claim_by_a_clock_ahead_does_not_forget_those_of_others(opened):
    budget = RequestBudget(opened(), limit=3)
    assert [budget.claim(START + n) for n in range(2)] == [None, None]
    assert budget.claim(START + 3 * HOUR) is None

    assert budget.claim(START + 60_000) == START + WINDOW_MS
    assert budget.use(START + 60_000).used == 3


def test_failures_count_in_the_budget_too(asking, api):
    api.spoil = lambda path: (503, {}, {}) if "users" in path else None
    asking.meet(1)
    with pytest.raises(ApiTrouble):
        asking.step()

    assert asking.client.budget.use(asking.now).used == len(api.asked) == 2


def test_half_a_batch_waits_for_company_once_half_of_the_budget_is_used(asking, api):
    asking.client.budget = RequestBudget(asking.ledger, limit=3)
    asking.meet(1)
    asking.step()
    asking.meet(2)
    asking.step()
    assert len(api.queries("users")) == 1

    asking.meet(*range(3, 12))
    asking.step()
    assert len(api.queries("users")) == 2


def test_a_token_is_kept_until_shortly_before_it_ends(asking, api):
    api.token_seconds = 7 * 24 * 3600
    for n in range(3):
        asking.meet(n)
        asking.step()
    paths = [path.partition("?")[0] for _, path in api.asked]
    assert paths.count("/oauth/token/refresh") == 1


def test_a_token_is_renewed_before_it_ends(asking, api):
    api.token_seconds = 0.4
    asking.meet(1)
    asking.step()
    renewed_from = monotonic() + 0.2
    asking.meet(2)
    until(lambda: monotonic() > renewed_from, "half of its time is over")
    asking.step()

    assert api.statuses == {200: 4}


def test_a_token_that_is_refused_is_renewed_once(asking, api):
    asking.meet(1)
    asking.step()
    api.forget_tokens()
    asking.meet(2)
    asking.step()
    assert api.statuses == {200: 4, 401: 1}

    api.spoil = lambda path: (401, {}, {}) if "users" in path else None
    asking.meet(3)
    with pytest.raises(ApiTrouble, match="admin:read"):
        asking.step()
    assert api.statuses[401] == 3


def test_a_refused_refresh_token_says_what_to_do_and_is_tried_ever_more_seldom(asking, api):
    api.refresh_token = "another"
    asking.meet(1)
    rests = []
    for _ in range(6):
        with pytest.raises(ApiTrouble, match="get another refresh token") as told:
            asking.step()
        rests.append(asking.client.rest_seconds())
    assert all(later > before for before, later in pairwise(rests))
    assert 4 < rests[0] < 7 and rests[-1] > 100
    assert "refresh-1" not in str(told.value) and "hidden-1" not in str(told.value)


@pytest.mark.parametrize("scheme", ["oauth", "Bearer"])
def test_both_schemes_of_the_header_are_known(asking, api, scheme):
    asking.scheme = scheme
    asking.restarted()
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1)
    asking.step()
    assert asking.person(1).name == "Ada Lovelace"


def test_too_many_requests_rest_for_the_decimal_seconds_that_adobe_says(asking, api):
    api.requests_an_hour = 0
    asking.meet(1)
    with pytest.raises(ApiTrouble, match="429"):
        asking.step()
    assert 10.7 < asking.client.rest_seconds() < 10.752 * 1.25
    assert asking.client.outcomes == {"answered": 1, "limited": 1}
    assert not asking.person(1).name


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ((500, {}, {}), "server_error"),
        ((502, {}, b"<html>"), "server_error"),
        ((200, {}, b"<html>"), "malformed"),
        ((200, {}, []), "malformed"),
        ((200, {}, {"meta": {}}), "malformed"),
        ((200, {}, b"[" * 100_000), "malformed"),
        ((200, {}, b" " * (ANSWER_BYTES + 1)), "malformed"),
        ((302, {"Location": "http://127.0.0.1:1/"}, {}), "malformed"),
        ((403, {}, {}), "unauthorized"),
        ((406, {}, {}), "malformed"),
    ],
)
def test_an_answer_of_no_use_is_a_trouble_and_nothing_is_remembered(asking, api, reply, outcome):
    asking.meet(1)
    api.spoil = lambda path: reply if "users" in path else None
    with pytest.raises(ApiTrouble):
        asking.step()
    assert asking.client.outcomes[outcome] == 1
    assert asking.client.rest_seconds() > 4

    api.spoil = lambda path: None
    api.know(user(1, "Ada Lovelace"))
    asking.restarted()
    asking.step()
    assert asking.person(1).name == "Ada Lovelace"


@pytest.mark.parametrize(
    "said", [{}, {"access_token": "a"}, {"account_id": 1}, {"access_token": 7}]
)
def test_a_token_answer_without_token_or_account_is_a_trouble(asking, api, said):
    api.spoil = lambda path: (200, {}, said) if "oauth" in path else None
    with pytest.raises(ApiTrouble, match="account_id"):
        asking.step()


def test_a_host_that_is_not_there_is_a_trouble(asking, api):
    api.__exit__()
    with pytest.raises(ApiTrouble, match="not reached"):
        asking.step()
    assert asking.client.outcomes == {"unreachable": 1}
    api.__enter__()


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Odd: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b" "),
        (b"", b""),
    ],
)
def test_an_answer_that_never_ends_is_cut(monkeypatch, first, again):
    monkeypatch.setattr(http_exchange, "WHOLE_SECONDS", 0.6)
    with Endless(first, again, pause=0.05) as peer:
        with pytest.raises(ApiTrouble, match="no whole answer in") as told:
            exchange(Request("GET", f"http://127.0.0.1:{peer.port}/", {}))
        assert told.value.outcome == "timeout"
        until(lambda: peer.gone == peer.connections == 1, "it is let go")


def test_it_is_asked_under_tls_and_its_certificate_is_verified(tmp_path, monkeypatch):
    with AdobeApi(tls=server_tls()) as api:
        asking = Asking(lambda: SqliteStore(tmp_path / "ledger.db"), api)
        api.know(user(1, "Ada Lovelace"))
        asking.meet(1)
        with pytest.raises(ApiTrouble, match="SSLError"):
            asking.step()
        assert not api.asked

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate()[0]))
        asking.step()
        assert asking.person(1).name == "Ada Lovelace"
        asking.ledger.close()


def test_a_netrc_does_not_replace_our_token(asking, api, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1)
    asking.step()
    assert asking.person(1).name == "Ada Lovelace"


def test_how_it_does_is_there_for_others_to_read(asking, api):
    assert api_standing(asking.ledger, START) is None
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1, 2)
    asking.step()

    found = api_standing(asking.ledger, START)
    assert (found.users_found, found.users_unknown) == (1, 1)
    assert found.state.account == "1234" and found.state.answered_at == START
    assert (found.budget.used, found.budget.frees_at) == (2, START + WINDOW_MS)

    api.spoil = lambda path: (503, {}, {})
    asking.meet(3)
    with pytest.raises(ApiTrouble):
        asking.step()
    state = api_standing(asking.ledger, START).state
    assert "503" in state.error and state.paused_until > START


def test_people_are_counted_by_who_told_of_them(asking, api):
    api.know(user(1, "Ada Lovelace"))
    asking.meet(1, 2)
    asking.steps()
    counts = asking.refresh.answers.census()
    assert counts == {("adobe", "1234"): {"imported": 0, "api": 1, "letters": 0, "unknown": 1}}
