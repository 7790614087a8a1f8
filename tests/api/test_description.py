"""The OpenAPI document says what is so: schemathesis asks everything it describes."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from service.api import AsgiApplication
from service.api.application import OPERATIONS
from service.api.framework.operations import document
from service.api.system.endpoints import OPERATIONS as SYSTEM
from service.app.app import settings_of
from service.incoming.group_commit import GroupCommit
from tests.campaigns import campaign, length
from tests.installation import ADA, DAY, DONE, FREE, START, Installation, completed, event, seats

TOKEN = "token-of-the-test"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
TOLD = {"COURSEBELL_ADMIN_TOKEN": TOKEN, "COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}
DOCUMENT = document(settings_of(TOLD), (*OPERATIONS, *SYSTEM))


class Gate:
    """Stands for the site before there is one: schemathesis wants to know it at collection."""

    site: AsgiApplication

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.site(scope, receive, send)


GATE = Gate()
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.update(base_url="http://localhost")
schema.app = GATE


@schemathesis.serializer("message/rfc822")
def as_mail(context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send anything at all in place of a mail."""
    return repr(value).encode()


@schema.hook
def filter_query(context: schemathesis.HookContext, query: dict[str, object] | None) -> bool:
    """Leave out a query whose mistake is not sent: an empty list is no parameter at all."""
    return all(value not in (None, [], {}) for value in (query or {}).values())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsgiApplication]:
    with Installation(tmp_path_factory.mktemp("described"), DONE + FREE, **TOLD) as office:
        office.import_people([ADA])
        office.post(completed(START, 77), completed(START, 78), event("BOGUS", START))
        office.post(seats(START, 10), seats(START + 1, 9))
        office.tick(START + 1)
        office.tick(START + 31 * DAY)
        group_commit = GroupCommit(office.app.letters)
        site = AsgiApplication(office.app, None, group_commit, lambda: START)
        GATE.site = site
        yield site
        site.close()
        group_commit.close()


@schema.parametrize()
@campaign
@settings(
    max_examples=length(50, sample=15), deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_one_the_description_names(
    case: schemathesis.Case, site: AsgiApplication
) -> None:
    # What a schema cannot say of rows, that one at least can be used, is 422.
    excluded = [positive_data_acceptance] if case.path.endswith("/import") else []
    case.call_and_validate(headers=HEADERS, excluded_checks=excluded)


def test_the_service_gives_this_description_and_it_names_no_secret(site: AsgiApplication) -> None:
    told = TestClient(site).get("/api/v1/openapi.json", headers=HEADERS)

    assert told.json() == DOCUMENT
    assert TOKEN not in told.text


def test_the_description_names_every_path() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {path: set(methods) for path, methods in DOCUMENT["paths"].items()} == {
        "/webhooks/adobe": {"post"},
        "/webhooks/community-training": {"post"},
        "/webhooks/sunbird": {"post"},
        "/webhooks/bounces/dsn": {"post"},
        "/webhooks/bounces/ses": {"post"},
        "/webhooks/bounces/sendgrid": {"post"},
        "/webhooks/bounces/postmark": {"post"},
        "/webhooks/bounces/mailgun": {"post"},
        "/healthz": {"get", "head"},
        "/readyz": {"get", "head"},
        "/metrics": {"get", "head"},
        "/api/v1/openapi.json": {"get", "head"},
        "/api/v1/letters": {"get", "head"},
        "/api/v1/letters/{n}": {"get", "head"},
        "/api/v1/feeds": {"get", "head"},
        "/api/v1/enrollments": {"get", "head"},
        "/api/v1/instances": {"get", "head"},
        "/api/v1/instances/{id}": {"get", "head"},
        "/api/v1/instances/{id}/watchers": {"get", "head", "post"},
        "/api/v1/instances/{id}/watchers/{learner}": {"delete"},
        "/api/v1/notifications": {"get", "head"},
        "/api/v1/notifications/{id}": {"get", "head"},
        "/api/v1/notifications/{id}/redrive": {"post"},
        "/api/v1/explain": {"get", "head"},
        "/api/v1/people/import": {"post"},
        "/api/v1/people/resume": {"post"},
        "/api/v1/people/stop": {"post"},
        "/api/v1/courses/import": {"post"},
    }
