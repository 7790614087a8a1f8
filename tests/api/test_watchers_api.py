"""Watchers over HTTP, and the page that a signed link opens."""

import pytest

from service.learners.directory.courses import CourseRow
from service.learners.instance import Instance
from tests.api.conftest import Client
from tests.installation import ADA, COURSE, SESSION, START, Installation, seats

RULES = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
INSTANCE = Instance.stream("adobe", "1234", COURSE, SESSION)
LIST = f"/api/v1/instances/{SESSION}/watchers"
TOKEN = "a-long-token"
PUBLIC = "https://bell.example.org/learning"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def office(tmp_path):
    told = {"COURSEBELL_PUBLIC_URL": PUBLIC, "COURSEBELL_ADMIN_TOKEN": TOKEN}
    with Installation(tmp_path, RULES, **told) as office:
        office.import_people([ADA])
        office.post(seats(START, 10))
        office.tick()
        yield office


@pytest.fixture
def client(office, open_site):
    return Client(open_site(office), headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def visitor(office, open_site):
    """Somebody's browser, somewhere else and without the token."""
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "https://bell.example.org"}
    return Client(open_site(office), follow_redirects=False, **elsewhere)


@pytest.fixture
def path(office):
    person = office.app.watch_requests.meet(("adobe", "1234", "77"), START)
    return f"/watch/{office.app.links.watch.token(person, INSTANCE)}"


def name_course(office, title):
    with office.app.ledger.transaction() as cursor:
        office.app.courses.store(cursor, [CourseRow(COURSE, title=title)], START)


def log(office):
    return office.app.ledger.end()


def test_a_learner_asks_is_listed_and_stops(client):
    asked = client.post(LIST, json={"learner": "77"})
    again = client.post(f"/api/v1/instances/{INSTANCE}/watchers", json={"learner": "77"})

    assert asked.status_code == 200 and again.json() == asked.json()
    assert asked.json() == {
        "learner": "77", "watching": True, "asked_at": "2026-11-16T09:00:00Z",
        "notification": None,
    }  # fmt: skip
    assert client.get(LIST).json() == {"items": [asked.json()], "next": None}

    stopped = client.delete(f"{LIST}/77").json()
    assert stopped["watching"] is False
    assert client.delete(f"{LIST}/77").json() == stopped == client.delete(f"{LIST}/77").json()
    assert client.get(LIST).json()["items"] == []


def test_the_list_has_pages_in_the_order_of_asking(client):
    for learner in ("c", "a", "b"):
        client.post(LIST, json={"learner": learner})

    first = client.get(LIST, params={"limit": 2}).json()
    second = client.get(LIST, params={"after": first["next"]}).json()

    assert [each["learner"] for each in first["items"]] == ["c", "a"]
    assert [each["learner"] for each in second["items"]] == ["b"] and second["next"] is None


def test_a_notification_names_the_watcher_it_is_for(client, office):
    client.post(LIST, json={"learner": "77"})
    office.post(seats(START + 1, 9))
    office.app.take(START + 1)
    office.app.views.catch_up()

    (told,) = client.get("/api/v1/notifications").json()["items"]
    (watcher,) = client.get(LIST).json()["items"]

    assert (told["to"], told["member"], told["state"]) == ("watchers", "77", "owed")
    assert watcher["notification"] == told["id"]


BODIES = [
    ({"json": {}}, 400, "learner"),
    ({"json": {"learner": ""}}, 400, "length >= 1"),
    ({"json": {"learner": 77}}, 400, "Expected `str`, got `int`"),
    ({"json": {"learner": "7", "x": 1}}, 400, "unknown field"),
    ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "expected JSON"),
    ({"content": b"learner=7", "headers": FORM}, 415, "application/json"),
    ({"json": {"learner": "7" * 5_000}}, 413, "4096 bytes"),
]


def test_another_body_is_refused_with_its_mistake(client, office):
    before = log(office)

    for sent, status, detail in BODIES:
        answer = client.post(LIST, **sent)
        assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), sent
        assert answer.headers["content-type"] == "application/problem+json"
    assert log(office) == before


def test_an_instance_nobody_reported_has_no_watchers(client):
    path = "/api/v1/instances/nope/watchers"
    answers = (
        client.get(path),
        client.post(path, json={"learner": "7"}),
        client.delete(f"{path}/7"),
    )

    assert [answer.status_code for answer in answers] == [404] * 3


def test_the_list_is_not_for_strangers(visitor):
    assert visitor.get(LIST).status_code == 401
    assert visitor.post(LIST, json={"learner": "77"}).status_code == 401


def test_looking_at_the_page_changes_nothing_and_the_button_asks(visitor, office, path):
    before = log(office)
    for method in ("GET", "HEAD", "GET"):
        assert visitor.request(method, path).status_code == 200
    assert log(office) == before
    assert 'value="ask"' in visitor.get(path).text

    pressed = visitor.post(path, data={"do": "ask"})

    assert pressed.status_code == 303
    assert pressed.headers["location"] == path.removeprefix("/watch/")
    assert 'value="stop"' in visitor.get(path).text
    assert [each.person for each in office.app.watch_requests.all(INSTANCE)]
    assert visitor.post(path, data={"do": "stop"}).status_code == 303
    assert 'value="ask"' in visitor.get(path).text and not office.app.watch_requests.all(INSTANCE)


def test_the_page_names_the_course_and_nobody(visitor, office, path):
    name_course(office, "Logic <b>&</b> \u202eReason")
    page = visitor.get(path).text

    assert "Logic &lt;b&gt;&amp;&lt;/b&gt; Reason" in page
    for personal in ("Ada", "ada@example.org", ">77", "Lovelace"):
        assert personal not in page


LANGUAGES = [
    ("de-AT,de;q=0.9,en;q=0.8", "de"), ("en-GB,en;q=0.9,de;q=0.5", "en"), ("nl", "en"),
    ("fr", "fr"),
    ("nl, de;q=0.1", "de"), ("de;q=0, en;q=0.1", "en"), ("", "en"), ("de;q=x", "en"),
    (",;;=,", "en"),
]  # fmt: skip


def test_the_page_speaks_the_readers_language(visitor, path):
    for accepted, language in LANGUAGES:
        page = visitor.get(path, headers={"Accept-Language": accepted}).text
        assert f'<html lang="{language}" dir="ltr">' in page, accepted
        assert ("Einmal benachrichtigen" in page) is (language == "de")


def test_a_browser_is_told_to_keep_it_to_itself(visitor, path):
    for answer in (
        visitor.get(path),
        visitor.post(path, data={"do": "ask"}),
        visitor.get("/watch/x"),
    ):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_token_opens_nothing(visitor, office, path, method):
    before = log(office)
    person = office.app.watch_requests.meet(("adobe", "1234", "77"), START)
    unknown = office.app.links.watch.token(person, "i" + "0" * 32)
    gone = office.app.links.watch.token("f" * 32, INSTANCE)
    forged = path[:-1] + ("B" if path.endswith("A") else "A")
    for wrong in (forged, f"{path}A", "/watch/x", f"/watch/{unknown}", f"/watch/{gone}"):
        answer = visitor.request(
            method, wrong, **({"data": {"do": "ask"}} if method == "POST" else {})
        )
        assert answer.status_code == 404 and "no use any more" in answer.text
    assert log(office) == before


FORMS = [
    ({"data": {"do": "delete"}}, 400),
    ({"data": {}}, 415),
    ({"content": b"do=ask&do=stop", "headers": FORM}, 400),
    ({"content": b"do=ask", "headers": {"Content-Type": "text/plain"}}, 415),
    ({"content": b"do=ask&x=" + b"x" * 5_000, "headers": FORM}, 413),
]


def test_only_the_buttons_form_is_taken(visitor, office, path):
    before = log(office)

    for sent, status in FORMS:
        assert visitor.post(path, **sent).status_code == status, sent
    assert log(office) == before


def test_nothing_else_is_open_beside_the_page(visitor):
    for path in ["/watch", "/watch/../api/v1/letters", "/watch/a/b", "/watch/"]:
        answer = visitor.get(path)
        assert answer.status_code in (401, 404)
        assert "items" not in answer.text


def test_without_a_public_address_no_link_is_good(tmp_path, open_site, path):
    (tmp_path / "other").mkdir()
    with Installation(tmp_path / "other", RULES) as closed:
        assert Client(open_site(closed)).get(path).status_code == 404
