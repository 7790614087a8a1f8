"""The words of pages: in each language, with names as people call them, and who helps."""

import re
import shutil

import pytest

from service.api.pages.page import FOLDER
from service.sending.templates.catalogues import pages_in_english
from service.sending.templates.checker import unsaid_in
from tests.api.conftest import Client
from tests.api.test_choices_page import PUBLIC, RULES, token_of
from tests.installation import ADA, ROOT, START, Installation


@pytest.fixture
def office(tmp_path):
    words = shutil.copytree(ROOT / "templates", tmp_path / "words")
    told = {"COURSEBELL_PUBLIC_URL": PUBLIC, "COURSEBELL_TEMPLATES": str(words)}
    with Installation(tmp_path, RULES, COURSEBELL_ADMIN_TOKEN="a-long-token", **told) as office:
        office.import_people([ADA])
        yield office


@pytest.fixture
def visitor(office, open_site):
    """Somebody's browser, somewhere else and without the token."""
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "https://bell.example.org"}
    return Client(open_site(office), follow_redirects=False, **elsewhere)


@pytest.fixture
def path(office):
    return f"/choices/{token_of(office)}"


FORM = re.compile(r"<select name=.timezone.>.*?</select>", re.DOTALL)


def test_time_zones_stand_by_continent_and_town_and_the_readers_own_comes_first(
    visitor, office, path
):
    (shown,) = FORM.findall(visitor.get(path, headers={"Accept-Language": "de"}).text)
    assert re.findall(r"<option[^>]*>[^<]*", shown)[:2] == [
        '<option value="" selected>Wie Ihre Organisation sie kennt',
        '<option value="UTC">UTC',
    ]
    areas = "Afrika|Amerika|Antarktis|Asien|Atlantik|Europa|Indischer Ozean|Ozeanien"
    assert "|".join(re.findall('optgroup label="(.*?)"', shown)) == areas
    values = re.findall('value="([^"]+)"', shown)
    assert len(values) == len(set(values)) > 400 and "Asia/Kolkata" in values
    assert "Asia/Calcutta" not in values and '<option value="Europe/Rome">Rom</option>' in shown

    visitor.post(path, data={"do": "save", "timezone": "Asia/Calcutta", "locale": "en"})
    (shown,) = FORM.findall(visitor.get(path).text)
    assert re.findall(r"<option[^>]*>[^<]*", shown)[1] == (
        '<option value="Asia/Calcutta" selected>Kolkata'
    )
    assert shown.count("Kolkata") == 1 and shown.count(" selected") == 1


def test_a_further_language_is_one_file_for_the_page_too(visitor, office, path):
    words = office.folder / "words/_languages/pt-BR.yaml"
    words.write_text('page.choices.title: "O que você recebe"\n')
    office.app.reload(START)

    shown = visitor.get(path, headers={"Accept-Language": "pt-BR"}).text
    assert '<html lang="pt-br" dir="ltr">' in shown and "O que você recebe" in shown
    assert ">Save</button>" in shown and ">Português (Brasil)</option>" in shown
    assert 'lang="en"' in visitor.get(path, headers={"Accept-Language": "pt"}).text

    words.write_text('help: "Dúvidas?"\n')
    office.app.reload(START)
    shown = visitor.get(path, headers={"Accept-Language": "pt-BR, de;q=0.1"}).text
    assert '<html lang="de"' in shown, "a language without words for pages is not theirs"


def test_a_week_begins_as_it_does_where_the_reader_is(visitor, office, path):
    def week(language):
        shown = visitor.get(path, headers={"Accept-Language": language}).text
        return re.findall(r'name="day" value="(\d)"[^>]*><span>(.*?)</span>', shown)

    assert [day for day, _ in week("de")] == list("0123456")
    assert week("en-US")[:2] == [("6", "Sun"), ("0", "Mon")]
    assert week("fr")[0] == ("0", "lun.")


def test_whose_link_is_useless_is_told_who_helps(visitor, office):
    office.head = "brand: {name: Academy, help: help@example.org}\n"
    office.write_rules(RULES)
    office.app.reload(START)

    for path in ("/choices/x", "/watch/x"):
        shown = visitor.get(path).text
        assert 'Questions? <a href="mailto:help@example.org">help@example.org</a>' in shown, path


def test_everything_said_by_pages_has_english_words():
    for path in FOLDER.glob("*.html"):
        assert unsaid_in(path.read_text(), pages_in_english()) == (), path
