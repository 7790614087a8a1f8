"""The page on which a reader chooses, by the link in each mail, with real requests."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from msgspec.structs import replace

from service.api.pages.choices_page import ChoicesForm
from service.learners.directory.people import PersonRow
from service.rules.readers.choices import Choices, ChoicesMade, OwnHours, OwnList, Unreachable
from tests.api.conftest import Client
from tests.installation import ADA, START, Installation

RULES = """
  - id: done
    description: Congratulations
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: safety
    description: Safety training
    required: true
    trigger: {stalled_for: 7d}
    notify:
      - {to: learner, via: email, template: stalled}
      - {to: "group:Desk", via: email, template: team_stalled}
"""
PUBLIC = "https://bell.example.org/learning"
EVERYTHING = {
    "do": "save",
    "shown": "done safety",
    "all": "go",
    "kind": "done",
    "way": "week",
    "list_at": "07:30",
    "list_on": "4",
    "hours": "own",
    "day": ["0", "2"],
    "begins": "09:00",
    "ends": "00:00",
    "back_on": "2027-02-01",
    "locale": "de",
    "timezone": "Asia/Tokyo",
}
HEADERS = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def office(tmp_path):
    told = {"COURSEBELL_PUBLIC_URL": PUBLIC, "COURSEBELL_ADMIN_TOKEN": "a-long-token"}
    with Installation(tmp_path, RULES, **told) as office:
        office.import_people([ADA])
        yield office


@pytest.fixture
def visitor(office, open_site):
    """Somebody's browser, somewhere else and without the token."""
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "https://bell.example.org"}
    return Client(open_site(office), follow_redirects=False, **elsewhere)


def token_of(office, address="ada@example.org", person="77"):
    found = office.app.people.find(("adobe", "1234", person))
    return office.app.links.choices.token(found.id, address)


@pytest.fixture
def path(office):
    return f"/choices/{token_of(office)}"


def chosen(office, address="ada@example.org"):
    return office.app.choice_requests.at(address).choices


def log(office):
    """How often something was chosen."""
    return len(list(office.app.store.follow(0, [ChoicesMade.TOPIC])))


def test_the_page_says_what_there_is_and_changes_nothing(visitor, office, path):
    answer = visitor.get(path)

    assert answer.status_code == 200
    for said in ("Congratulations", "Safety training", "ada@example.org", "required by your"):
        assert said in answer.text
    for language in ("Deutsch", "English", "Français", "Español", "العربية", "हिन्दी"):
        assert f">{language}</option>" in answer.text
    assert "as a member of" not in answer.text
    assert log(office) == 0
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_everything_can_be_chosen_and_is_shown_again(visitor, office, path):
    saved = visitor.post(path, data=EVERYTHING)

    assert saved.status_code == 303
    assert chosen(office) == Choices(
        own_list=OwnList("week", 450, 4),
        own_hours=OwnHours((0, 2), 540, 1440),
        back_on="2027-02-01",
        locale="de",
        timezone="Asia/Tokyo",
    )
    shown = visitor.get(f"/choices/{saved.headers['location']}")
    assert '<html lang="de" dir="ltr">' in shown.text and "Gespeichert." in shown.text
    assert form_of(shown.text) == {**EVERYTHING, "day": ["0", "2"]}


def test_to_stop_everything_is_one_of_two_and_the_page_shows_which(visitor, office, path):
    assert form_of(visitor.get(path).text)["all"] == "go"

    visitor.post(path, data={"do": "save", "shown": "done", "kind": "done", "all": "stop"})

    assert chosen(office) == Choices(stopped_all=True)
    assert form_of(visitor.get(path).text)["all"] == "stop"
    assert "Nothing, except what your organisation requires" in visitor.get(path).text
    visitor.post(path, data={**form_of(visitor.get(path).text), "all": "go"})
    assert chosen(office) == Choices()


def form_of(html):
    """What a browser would send of the page's form."""
    form = html[html.rindex("<form") :]
    found = {"do": "save"}
    for tag in re.findall(r"<input[^>]*>", form):
        named = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "disabled" in tag or (
            named["type"] in ("checkbox", "radio") and not tag.endswith(" checked>")
        ):
            continue
        name, value = named["name"], unescape(named["value"])
        found[name] = [*found[name], value] if isinstance(found.get(name), list) else value
        if name == "day" and isinstance(found[name], str):
            found[name] = [value]
    for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', form, re.DOTALL):
        (found[name],) = re.findall(r'value="([^"]*)" selected', options)
    return found


def test_what_the_page_shows_can_be_sent_back_and_changes_nothing(visitor, office, path):
    visitor.post(path, data=EVERYTHING)
    before = log(office)

    visitor.post(path, data=form_of(visitor.get(path).text))

    assert log(office) == before


def test_one_kind_is_stopped_and_another_that_the_page_did_not_show_stays(visitor, office, path):
    visitor.post(path, data={"do": "save", "shown": "done safety", "kind": []})
    assert chosen(office).stopped == ("done",)

    visitor.post(path, data={"do": "save", "shown": ""})
    assert chosen(office).stopped == ("done",)

    visitor.post(path, data={"do": "save", "shown": "done", "kind": "done"})
    assert chosen(office) == Choices()


@pytest.mark.parametrize(
    "body",
    [
        {"data": HEADERS},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
    ],
    ids=["urlencoded", "multipart"],
)
def test_one_click_stops_the_kind_of_the_mail(visitor, office, path, body):
    answer = visitor.post(f"{path}?stop=done", **body)

    assert answer.status_code == 200 and "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert chosen(office).stopped == ("done",)
    visitor.post(f"{path}?stop=done", **body)
    assert log(office) == 1


def test_a_scanner_that_fetches_the_link_stops_nothing(visitor, office, path):
    for method in ("GET", "HEAD"):
        visitor.request(method, f"{path}?stop=done")
    asked = visitor.get(f"{path}?stop=done")

    assert chosen(office) == Choices() and log(office) == 0
    assert "Stop “Congratulations”?" in asked.text
    visitor.post(f"{path}?stop=done", data={"do": "stop"})
    assert chosen(office).stopped == ("done",)


@pytest.mark.parametrize(
    ("said", "kept"), [("2026-12-05", "2026-12-05"), ("2026-12-04", None), ("2026-12-03", None)]
)
def test_who_is_back_tomorrow_is_away_this_evening_wherever_they_are(said, kept):
    """In Los Angeles it is still the fourth."""
    evening = int(datetime(2026, 12, 5, 1, tzinfo=UTC).timestamp() * 1000)
    form = ChoicesForm({"back_on": [said]}, evening)

    assert form.choices(Choices(), (), ()).back_on == kept


def test_a_link_stops_a_kind_that_is_only_rehearsed_by_now(visitor, office, path):
    office.write_rules(RULES.replace("id: done", "id: done\n    mode: shadow"))
    office.app.reload(START)

    assert "Stopped." in visitor.post(f"{path}?stop=done", data=HEADERS).text
    assert chosen(office).stopped == ("done",)


@pytest.mark.parametrize("kind", ["safety", "renamed"])
def test_what_cannot_be_stopped_is_not_said_to_be(visitor, office, path, kind):
    answer = visitor.post(f"{path}?stop={kind}", data=HEADERS)

    assert answer.status_code == 200 and "Stopped." not in answer.text
    assert log(office) == 0


def test_a_stop_of_what_has_become_required_is_kept_and_counts_when_it_is_not(
    visitor, office, path
):
    may_be_stopped = RULES.replace("    required: true\n", "")
    office.write_rules(may_be_stopped)
    office.app.reload(START)
    visitor.post(path, data={"do": "save", "shown": "done safety", "kind": "done"})
    office.write_rules(RULES)
    office.app.reload(START)
    visitor.post(path, data={"do": "save", "shown": "done safety", "kind": ["done", "safety"]})
    assert chosen(office).stopped == ("safety",)

    office.write_rules(may_be_stopped)
    office.app.reload(START)
    page = visitor.get(path).text
    assert re.search(r'value="done"[^>]*checked', page)
    assert not re.search(r'value="safety"[^>]*checked', page)


def test_the_link_of_a_kind_that_has_another_name_by_now_shows_what_there_is(visitor, office, path):
    """Nobody says that two ids are one kind; what was stopped of the old one harms nothing."""
    visitor.post(f"{path}?stop=done", data=HEADERS)
    office.write_rules(RULES.replace("id: done", "id: finished"))
    office.app.reload(START)
    for page in (visitor.get(f"{path}?stop=done"), visitor.post(f"{path}?stop=done", data=HEADERS)):
        assert page.status_code == 200 and "Congratulations" in page.text
    assert re.search(r'value="finished"[^>]*checked', page.text)
    visitor.post(path, data={"do": "save", "shown": "finished safety", "kind": "finished"})
    assert chosen(office).stopped == ("done",)
    visitor.post(f"{path}?stop=finished", data=HEADERS)
    assert chosen(office).stopped == ("done", "finished")


def test_what_is_required_cannot_be_stopped(visitor, office, path):
    visitor.post(f"{path}?stop=safety", data=HEADERS)
    visitor.post(path, data={"do": "save", "shown": "done safety", "kind": "done"})

    assert chosen(office).stopped == ()
    assert "Stop “Safety" not in visitor.get(f"{path}?stop=safety").text


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"hours": "own"}, "Days and hours"),
        ({"hours": "own", "day": "1", "begins": "18:00", "ends": "08:00"}, "Until"),
        ({"way": "day", "list_at": "noon"}, "List at"),
        ({"way": "week", "list_on": "9"}, "Weekly list on"),
        ({"back_on": "9999-12-31"}, "First day back"),
        ({"back_on": "soon"}, "First day back"),
        ({"locale": "xx"}, "Language"),
        ({"timezone": "Mars/Olympus"}, "Time zone"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_changed(visitor, office, path, form, named):
    answer = visitor.post(path, data={"do": "save", **form})

    assert answer.status_code == 422
    assert f"Nothing was saved. Please look again at: {named}." in answer.text
    assert log(office) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_link_opens_nothing_and_changes_nothing(visitor, office, path, method):
    office.import_people([PersonRow("78", "adobe", "1234", name="Bob", email="bob@example.org")])
    earlier = f"/choices/{token_of(office, 'ada@old.example.org')}"
    watch = office.app.links.watch.token("f" * 32, "i" + "0" * 32)
    forged = path[:-1] + ("B" if path.endswith("A") else "A")
    gone = office.app.links.choices.token("f" * 32, "ada@example.org")
    wrongs = (forged, f"{path}A", path[:-4], "/choices/x", f"/choices/{watch}", earlier)
    for wrong in (*wrongs, f"/choices/{gone}"):
        more = {"data": {"do": "save", "all": "stop"}} if method == "POST" else {}
        answer = visitor.request(method, wrong, **more)
        assert answer.status_code == 404 and "of no use any more" in answer.text, wrong
        assert "example.org" not in answer.text
    assert log(office) == 0


def test_choices_belong_to_the_address_and_survive_imports(visitor, office, path):
    visitor.post(path, data={"do": "save", "shown": "done", "all": "stop"})
    office.import_people([replace(ADA, name="Ada L", email="ADA@Example.org")])
    assert chosen(office, "ADA@Example.org").stopped_all

    office.import_people([replace(ADA, email="ada@new.example.org")])
    assert chosen(office, "ada@new.example.org") == Choices()
    assert visitor.get(path).status_code == 404
    assert visitor.get(f"/choices/{token_of(office, 'ada@new.example.org')}").status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"data": {"do": "delete"}}, 400),
        ({"content": b"do=save", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"do=save&x=" + b"x" * 5_000, "headers": {"Content-Type": "text/plain"}}, 413),
    ],
)
def test_only_the_pages_form_is_taken(visitor, office, path, form, status):
    assert visitor.post(path, **form).status_code == status
    assert log(office) == 0


def test_names_and_addresses_stay_out_of_the_log(visitor, office, path):
    visitor.post(path, data=EVERYTHING)
    bodies = b"".join(row[-1] for row in office.app.ledger.log(0, 100))
    assert b"choices" in bodies and b"ada" not in bodies.lower()


@pytest.mark.parametrize("reason", ["bounced", "complained"])
def test_whose_address_bounced_may_be_written_to_again(visitor, office, path, reason):
    assert "Write to me again" not in visitor.get(path).text
    office.app.choice_requests.unreached("ada@example.org", Unreachable(reason, START, "5.1.1"))

    shown = visitor.get(path).text
    assert "Write to me again" in shown and "Nothing is sent to this address" in shown
    visitor.post(path, data=EVERYTHING)
    assert chosen(office).unreachable is not None, "another choice lifts nothing"
    assert visitor.post(f"{path}?stop=done", content="List-Unsubscribe=One-Click", headers={
        "content-type": "application/x-www-form-urlencoded"}).status_code == 200  # fmt: skip
    assert chosen(office).unreachable is not None
    assert visitor.post(path, data={"do": "reach"}).status_code == 303
    assert chosen(office).unreachable is None
    assert chosen(office).stopped == ("done",) and chosen(office).locale == "de"
