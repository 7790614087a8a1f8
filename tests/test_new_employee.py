"""A new employee: one mail for eight courses, a list of her own, on leave, and what is required.

Mail goes to a real mail server, and she chooses on the real page in headless Chromium by the
keyboard alone. The clock is ours. The same story is a rule test.
"""

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from socket import socket

import pytest
import uvicorn

from service.api import AsgiApplication
from service.incoming.group_commit import GroupCommit
from service.rules.readers.choices import Choices, OwnList
from tests.campaigns import WHOLE, campaign
from tests.incoming.webhook_server import Announcing
from tests.installation import ADA, DAY, HOUR, MINUTE, Installation, completed, enrolled
from tests.simulation.rule_test_files import complaints, scenario
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.both_engines

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="install playwright")
axe = pytest.importorskip("axe_core_python", reason="install axe-core-python")
HEAD = "defaults: {bundle: 30m}\n"
RULES = """
  - id: welcome
    description: Your new courses
    trigger: {event: enrollment.enrolled}
    notify:
      - {to: learner, via: email, template: enrolled}
  - id: done
    description: Congratulations
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: safety
    description: Safety training
    required: true
    trigger: {event: enrollment.completed}
    conditions:
      - course.id: course:8
    notify:
      - {to: learner, via: email, template: completed}
"""
MONDAY = int(datetime(2026, 11, 16, 9, tzinfo=UTC).timestamp() * 1000)
COURSES = [f"course:{n}" for n in range(1, 9)]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
OTHER_LOOKS = [("dark", WIDE), ("light", NARROW)]
LOOKS = [("light", WIDE), ("dark", NARROW), *(OTHER_LOOKS if WHOLE else ())]
MOST_TABS = 60


class Clock:
    """What every part of the service reads."""

    now = MONDAY


@contextmanager
def served(office: Installation, clock: Clock, listener: socket) -> Iterator[None]:
    """The service's own pages on a socket of this machine."""
    with closing(GroupCommit(office.app.letters)) as group_commit:
        site = AsgiApplication(office.app, None, group_commit, lambda: clock.now)
        server = Announcing(uvicorn.Config(site, lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert server.listening.wait(30)
            yield
        finally:
            server.should_exit = True
            thread.join()
            site.close()


def link_in(mail: EmailMessage, base: str) -> str:
    """The link of its reader, as it stands in the text."""
    text = mail.get_body(("plain",))
    assert text is not None
    (found,) = set(re.findall(rf"{re.escape(base)}/choices/\S+", text.get_content()))
    return found


def focus(page: playwright.Page, wanted: str) -> None:
    """Press Tab until what is wanted has the focus, and can be seen to have it."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            shown = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(shown) != "none", f"{wanted} does not show that it has the focus"
            return
    raise AssertionError(f"{wanted} is not reached by the Tab key")


def save(page: playwright.Page) -> None:
    focus(page, "button[value=save]")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert page.get_by_role("status").inner_text() == "Saved."


@contextmanager
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--lang=en-US"]
        )
        try:
            yield chromium
        finally:
            chromium.close()


def violations(page: playwright.Page) -> list[str]:
    """What axe finds wrong on the page for those who cannot see it well, or at all."""
    script = Path(axe.__file__).with_name("axe.min.js").read_text()
    page.evaluate(f"{script}; undefined")
    found = page.evaluate("axe.run().then(found => found.violations)")
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


class Story:
    """What happens to her, and when; by the clock that the pages read, too."""

    def __init__(self, office: Installation, clock: Clock) -> None:
        self.office = office
        self._clock = clock

    def at(self, moment: int) -> None:
        self._clock.now = moment
        self.office.tick(moment)

    def enrolls(self) -> None:
        letters = (enrolled(MONDAY, 77, course=c, session=f"{c}_1") for c in COURSES)
        self.office.post(*letters)
        self.at(MONDAY)
        self.at(MONDAY + 30 * MINUTE)

    def finishes(self, course: str, moment: int) -> None:
        self.office.post(completed(moment, 77, course=course, session=f"{course}_1"), at=moment)
        self.at(moment)

    @property
    def chosen(self) -> Choices:
        return self.office.app.choice_requests.at(ADA.email or "").choices


def takes_a_list_on_mondays(story: Story, page: playwright.Page, sink: SmtpSink) -> None:
    assert "Safety training" in page.content() and "Congratulations" in page.content()
    focus(page, "input[name=way]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    save(page)
    assert story.chosen == Choices(own_list=OwnList("week", 8 * 60))
    story.finishes("course:1", MONDAY + DAY)
    story.finishes("course:2", MONDAY + 2 * DAY)
    story.at(MONDAY + 7 * DAY - HOUR)
    assert sink.wait_for(2)[1].parsed["Subject"] == "2 courses completed"


def goes_on_leave(story: Story, page: playwright.Page, sink: SmtpSink) -> None:
    focus(page, "input[name=back_on]")
    page.keyboard.type("11302026")  # month, day, year
    save(page)
    assert story.chosen.back_on == "2026-11-30"
    story.finishes("course:3", MONDAY + 8 * DAY)
    story.at(MONDAY + 14 * DAY - 2 * HOUR)
    assert len(sink.mails) == 2
    story.at(MONDAY + 14 * DAY - HOUR)
    assert len(sink.wait_for(3)) == 3


def stops_one_kind(story: Story, page: playwright.Page, sink: SmtpSink) -> None:
    focus(page, "input[name=kind][value=done]")
    page.keyboard.press("Space")
    focus(page, "input[name=way]")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    save(page)
    assert (story.chosen.stopped, story.chosen.own_list) == (("done",), None)
    story.finishes("course:4", MONDAY + 15 * DAY)
    story.finishes("course:8", MONDAY + 16 * DAY)
    story.at(MONDAY + 16 * DAY + 30 * MINUTE)
    assert sink.wait_for(4)[3].parsed["List-Unsubscribe"] is None
    states = [(n["state"], n["reason"]) for n in story.office.notifications()]
    assert states.count(("suppressed", "stopped")) == 2


@pytest.mark.skipif(CHROMIUM is None, reason="install chromium: apt install chromium")
def test_she_gets_one_mail_and_chooses_by_the_keyboard_alone(tmp_path: Path) -> None:
    clock, listener = Clock(), socket()
    listener.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    told = {"COURSEBELL_PUBLIC_URL": base}
    with (
        SmtpSink() as sink,
        Installation(tmp_path, RULES, head=HEAD, email=sink.url, **told) as office,
        served(office, clock, listener),
        browser() as chromium,
    ):
        office.import_people([ADA])
        story = Story(office, clock)
        story.enrolls()
        (welcome,) = sink.wait_for(1)
        assert welcome.parsed["Subject"] == "You are enrolled in 8 courses"
        page = chromium.new_context(viewport=WIDE, locale="en-GB").new_page()
        page.goto(link_in(welcome.parsed, base))
        takes_a_list_on_mondays(story, page, sink)
        goes_on_leave(story, page, sink)
        stops_one_kind(story, page, sink)


@pytest.mark.skipif(CHROMIUM is None, reason="install chromium: apt install chromium")
@campaign
@pytest.mark.parametrize(("scheme", "view"), LOOKS)
def test_the_page_has_no_violation_and_never_scrolls_sideways(
    tmp_path: Path, scheme: str, view: dict[str, int]
) -> None:
    clock, listener = Clock(), socket()
    listener.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with (
        Installation(tmp_path, RULES, head=HEAD, COURSEBELL_PUBLIC_URL=base) as office,
        served(office, clock, listener),
        browser() as chromium,
    ):
        office.import_people([ADA])
        person = office.app.people.find(("adobe", "1234", "77"))
        assert person is not None
        link = office.app.links.choices(person.id, ADA.email or "")
        for locale in ("en", "de", "fr", "es", "hi", "ar"):
            office.app.choice_requests.change(
                ADA.email or "", lambda _, tag=locale: Choices(locale=tag), MONDAY, by="reader"
            )
            context = chromium.new_context(viewport=view, color_scheme=scheme, bypass_csp=True)
            page = context.new_page()
            page.goto(f"{link}?stop=done")
            assert page.locator("html").get_attribute("lang") == locale
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= view["width"]
            page.goto(f"{base}/choices/nothing")
            assert violations(page) == []
            context.close()


def test_the_same_story_as_a_rule_test(tmp_path: Path) -> None:
    enrolled_in = "- {{at: 0d, event: enrollment.enrolled, learner: ada, course: {}}}"
    test = scenario(
        *map(enrolled_in.format, "abc"),
        "- {at: 1h, event: choices.made, learner: ada, own_list: mon 08:00}",
        "- {at: 1d, event: enrollment.completed, learner: ada, course: a}",
        "- {at: 7d, event: choices.made, learner: ada, back_on: 2026-01-19}",
        "- {at: 8d, event: enrollment.completed, learner: ada, course: b}",
        "- {at: 15d, event: choices.made, learner: ada, stopped: [done], own_list: none}",
        "- {at: 16d, event: enrollment.completed, learner: ada, course: c}",
        courses="{a: {}, b: {}, c: {}}",
        expect="[{rule: welcome, to: ada, at: 30m}, {rule: done, to: ada, at: 6d23h}, "
        "{rule: done, to: ada, at: 13d23h}, {rule: safety, to: ada, at: 16d30m}]",
        expect_skipped="[{rule: welcome, state: dropped, reason: bundle}, "
        "{rule: welcome, state: dropped, reason: bundle}, "
        "{rule: done, to: ada, state: suppressed, reason: stopped}]",
    )
    rules = re.sub(r"( +)trigger:", r"\1bundle: 30m\n\1trigger:", RULES.replace("course:8", "c"))
    rules = rules.replace("template: enrolled", "template: stalled")
    assert complaints(tmp_path, rules, test) == []
