"""Ask Adobe's API: with a token, within the budget, and no sooner than it wishes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from secrets import SystemRandom
from threading import Lock
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
from msgspec.structs import replace

from service.incoming.adobe_api.api_state import ApiState, KeptState
from service.incoming.adobe_api.budget import RequestBudget
from service.incoming.adobe_api.http_exchange import (
    Answer,
    ApiTrouble,
    Request,
    exchange,
)
from service.incoming.adobe_api.resources import Document, mapping, text_of
from service.ledger.store import Store
from service.network.bounded_http import retry_after

MEDIA_TYPE = "application/vnd.api+json"
"""Without it in Accept, Adobe answers 406."""
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
BASE = "/primeapi/v2/"
PAGES_AT_MOST = 50
SHORTEST_PAUSE_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 3600.0
RENEW_BEFORE_SECONDS = 300.0
TOKEN_SECONDS = 604_800.0
"""How long a token is good where the answer does not say (developer manual)."""
TOO_MANY, UNAUTHORIZED = 429, 401
OFTEN_REFUSED = frozenset({400, 404, 414, 422})
"""What Adobe answers when it does not like one of the ids."""


class ApiAccess(NamedTuple):
    """Hold where the API is and what lets us in; `scheme` is the first word of the header."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str
    scheme: str = "oauth"


class BudgetSpent(Exception):
    """Say that the requests of this hour are used; `frees_at` (ms UTC) is when one is free."""

    def __init__(self, frees_at: int) -> None:
        super().__init__("the requests of this hour are used")
        self.frees_at = frees_at


class RefusedRequest(Exception):
    """Say that the API does not take this request, whenever it is made."""


class AdobeApi:
    """Ask the API of one account; for one thread at a time.

    Every request is claimed of the budget before it leaves, also those for a token. After a
    failure nothing is asked for a while, which grows with each: `rest_seconds` says how long.
    """

    def __init__(self, access: ApiAccess, ledger: Store, clock: Callable[[], int]) -> None:
        """Take the clock (ms since 1970 UTC)."""
        self.ledger = ledger
        self.budget = RequestBudget(ledger)
        self.outcomes: Counter[str] = Counter()
        self._access = access
        self._clock = clock
        self._kept = KeptState(ledger)
        self.state = self._kept.read()
        self._token: str | None = None
        self._renew_at = 0.0
        self.failures = 0
        """How many in a row."""
        self._paused_until = 0.0
        self._asking = Lock()

    def rest_seconds(self) -> float:
        """Tell how long nothing is to be asked."""
        return max(0.0, self._paused_until - monotonic())

    def account(self) -> str:
        """Give the account that the refresh token is of. Raises ApiTrouble, BudgetSpent."""
        with self._asking:
            self._access_token()
        assert self.state.account is not None
        return self.state.account

    def get(self, path: str, **parameters: str) -> Document:
        """Read a document, e.g. of `users`; in names `__` begins a bracket: page__limit.

        Raises ApiTrouble, BudgetSpent, RefusedRequest.
        """
        return self._document(Request("GET", self._url(path, parameters), {}))

    def post(self, path: str, document: Document) -> Document:
        """Send a document and read the answer; raises as `get`."""
        body, headers = msgspec.json.encode(document), {"Content-Type": MEDIA_TYPE}
        return self._document(Request("POST", self._url(path, {}), headers, body=body))

    def pages(self, path: str, **parameters: str) -> Iterator[Document]:
        """Read a document and those its `links.next` lead to; raises as `get`."""
        url: str | None = self._url(path, parameters)
        for _ in range(PAGES_AT_MOST):
            if url is None:
                return
            page = self._document(Request("GET", url, {}))
            yield page
            url = self._following(url, page)

    def _url(self, path: str, parameters: Mapping[str, str]) -> str:
        named = {_bracketed(name): value for name, value in parameters.items()}
        query = f"?{urlencode(named)}" if named else ""
        return f"{self._access.url}{BASE}{path}{query}"

    def _following(self, url: str, page: Document) -> str | None:
        """Give where the next page is, if it is on the same host: our token goes nowhere else."""
        following = text_of(mapping(page.get("links")).get("next"))
        if following is None:
            return None
        following = urljoin(url, following)
        if urlsplit(following)[:2] != urlsplit(self._access.url)[:2]:
            raise self.failed(ApiTrouble("a next page is on another host", "malformed"))
        return None if following == url else following

    def _document(self, request: Request) -> Document:
        with self._asking:
            answer = self._authorized(request)
            if answer.status == UNAUTHORIZED:
                self._token = None
                answer = self._authorized(request)
            if answer.status in OFTEN_REFUSED:
                self.outcomes["refused"] += 1
                raise RefusedRequest(f"{request.path}: {answer.status}")
            document = self._read(answer, request)
            if "data" not in document:
                words = f"{request.path}: expected `data` in the answer, got none"
                raise self.failed(ApiTrouble(words, "malformed"))
            self._succeeded()
        return document

    def _authorized(self, request: Request) -> Answer:
        headers = {
            **request.headers,
            "Accept": MEDIA_TYPE,
            "Authorization": f"{self._access.scheme} {self._access_token()}",
        }
        return self._send(request._replace(headers=headers))

    def _access_token(self) -> str:
        """Give a token that is good for a while yet, a new one if need be."""
        if self._token is None or monotonic() >= self._renew_at:
            self._renew()
        assert self._token is not None
        return self._token

    def _renew(self) -> None:
        """Get a token by the refresh token (developer manual, /oauth/token/refresh)."""
        access = self._access
        form = {
            "client_id": access.client_id,
            "client_secret": access.client_secret,
            "refresh_token": access.refresh_token,
        }
        url = f"{access.url}/oauth/token/refresh"
        request = Request("POST", url, FORM, body=urlencode(form).encode())
        answer = self._send(request)
        if answer.status in (400, UNAUTHORIZED, 403):
            raise self.failed(
                ApiTrouble(
                    f"the refresh token is refused ({answer.status}); expected the three of "
                    "COURSEBELL_ADOBE_API_CLIENT_ID, …_CLIENT_SECRET and …_REFRESH_TOKEN of one "
                    "application that is approved; get another refresh token",
                    "unauthorized",
                )
            )
        said = self._read(answer, request)
        token, account = text_of(said.get("access_token")), text_of(said.get("account_id"))
        if token is None or account is None:
            words = "expected access_token and account_id of the token request, got neither or one"
            raise self.failed(ApiTrouble(words, "malformed"))
        seconds = _seconds(said.get("expires_in"))
        self._token = token
        self._renew_at = monotonic() + max(seconds / 2, seconds - RENEW_BEFORE_SECONDS)
        self.outcomes["answered"] += 1
        self.state = replace(self.state, account=account)

    def _send(self, request: Request) -> Answer:
        """Claim a request and make it. Raises ApiTrouble for what may be well later."""
        now = self._clock()
        frees_at = self.budget.claim(now)
        if frees_at is not None:
            raise BudgetSpent(frees_at)
        try:
            answer = exchange(request)
        except ApiTrouble as trouble:
            raise self.failed(trouble) from None
        if answer.status == TOO_MANY or answer.status >= 500:
            outcome = "limited" if answer.status == TOO_MANY else "server_error"
            wait = retry_after(answer.headers, datetime.fromtimestamp(now / 1000, UTC))
            words = f"{request.path}: answered {answer.status}"
            raise self.failed(ApiTrouble(words, outcome, wait))
        return answer

    def _read(self, answer: Answer, request: Request) -> Document:
        path = request.path
        if answer.status == UNAUTHORIZED or answer.status == 403:
            words = (
                f"{path}: answered {answer.status} to a new token; expected the scope admin:read, "
                "and COURSEBELL_ADOBE_API_SCHEME as the account wants it"
            )
            raise self.failed(ApiTrouble(words, "unauthorized"))
        if not 200 <= answer.status < 300:
            words = f"{path}: answered {answer.status}; is COURSEBELL_ADOBE_API_URL right?"
            raise self.failed(ApiTrouble(words, "malformed"))
        try:
            return msgspec.json.decode(answer.body, type=Document)
        except (msgspec.DecodeError, RecursionError):
            words = f"{path}: expected a JSON object, got something else"
            raise self.failed(ApiTrouble(words, "malformed")) from None

    def failed(self, trouble: ApiTrouble) -> ApiTrouble:
        """Note a failure, and pause: as long as asked, or else longer each time.

        Returns it, to be raised.
        """
        self.outcomes[trouble.outcome] += 1
        grown = FIRST_PAUSE_SECONDS * 2 ** min(self.failures, 20)
        self.failures += 1
        jitter = SystemRandom().uniform(1.0, 1.25)
        asked = grown if trouble.wait is None else trouble.wait
        seconds = min(max(asked, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS) * jitter
        self._paused_until = monotonic() + seconds
        now = self._clock()
        self._keep(
            replace(
                self.state,
                error=str(trouble),
                failed_at=now,
                paused_until=now + int(seconds * 1000),
            )
        )
        return trouble

    def _succeeded(self) -> None:
        self.outcomes["answered"] += 1
        self.failures, self._paused_until = 0, 0.0
        self._keep(replace(self.state, answered_at=self._clock(), paused_until=None))

    def _keep(self, state: ApiState) -> None:
        self.state = state
        self._kept.keep(state)


def _bracketed(name: str) -> str:
    first, *inner = name.split("__")
    return first + "".join(f"[{each}]" for each in inner)


def _seconds(said: object) -> float:
    try:
        seconds = float(str(said))
    except ValueError:
        return TOKEN_SECONDS
    return seconds if 0 < seconds <= 10 * TOKEN_SECONDS else TOKEN_SECONDS
