"""Whatever happens to bundles: each thing is told once, in a message that was taken, or says why.

The oracle reads the words of the messages that the other side took, and the state of each
notification; it knows nothing of plans, claims and releases.
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from service.learners.directory.people import PersonRow
from service.rules.notification import OPEN_STATES
from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.operator import mute, redrive, unmute
from service.sending.templates.templates import RenderedMessage
from tests.campaigns import campaign, length
from tests.installation import DAY, HOUR, MINUTE, START, Installation, completed, enrolled, revoked

TOKEN = "[{{ rule.id }} {{ recipient.role }} {{ WHAT.learner.name }} {{ WHAT.course.id }}]\n"
ONE = TOKEN.replace("WHAT.", "")
SEVERAL = "{% if items %}{% for item in items %}" + TOKEN.replace("WHAT", "item") + "{% endfor %}"
SEVERAL += "{% else %}" + ONE + "{% endif %}"
WORDS = {"one": ONE, "several": SEVERAL}
RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: several}
      - {to: manager, via: email, template: several}
  - id: welcome
    trigger: {event: enrollment.enrolled}
    send_window: morning
    notify:
      - {to: learner, via: email, template: one}
      - {to: manager, via: email, template: one, send_window: any}
"""
HEAD = """
time_intervals: {morning: [{from: "08:00", until: "12:00"}]}
defaults: {timezone: UTC, expires_after: 30d, bundle: 30m%s}
"""
BOSSES = ("boss@example.org", "chief@example.org")
PEOPLE = (
    PersonRow("1", name="Boss", email=BOSSES[0]),
    PersonRow("2", name="Chief", email=BOSSES[1]),
    PersonRow("77", name="Ada", email="ada@example.org", manager=BOSSES[0]),
    PersonRow("78", name="Grace", email="grace@example.org", manager=BOSSES[0]),
)
LEARNERS = ("77", "78")
HAPPENED = st.tuples(st.sampled_from(LEARNERS), st.booleans())
ANSWERS = st.sampled_from(("transient", "transient", "unknown", "permanent", "dies"))


class Gone(BaseException):
    """The process dies in the middle of a message."""


class OtherSide:
    """A channel that answers as it is told, and keeps what it took."""

    form = "email"
    batch = 50
    domain: str | None = None

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.taken: list[OutgoingMessage] = []
        self.managers = dict.fromkeys(("Ada", "Grace"), BOSSES[0])
        self.strangers: list[str] = []

    def fits(self, message: RenderedMessage) -> bool:
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        answer = self.answers.pop(0) if self.answers else "accepted"
        if answer == "accepted":
            self.taken.append(outgoing)
            self.strangers += [t for t in told_in(outgoing) if not self._is_for(outgoing, t)]
            return SendResult("accepted", 250)
        if answer == "dies":
            raise Gone
        return SendResult(answer, 451)

    def close(self) -> None:
        """Nothing is kept open."""

    def _is_for(self, outgoing: OutgoingMessage, token: str) -> bool:
        _, role, name, _ = token.strip("[]").split()
        reader = self.managers[name] if role == "manager" else f"{name.lower()}@example.org"
        return outgoing.address == reader


def told_in(outgoing: OutgoingMessage) -> list[str]:
    return [line for line in outgoing.message.text.split("\n") if line.startswith("[")]


class Bundles(RuleBasedStateMachine):
    """People enrol, finish and change managers; rules are muted, mails fail, the service dies."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(
            dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        )
        self.now, self.courses = START, 0
        self.done: list[dict[str, Any]] = []
        self.desk = OtherSide()

    @initialize(most=st.sampled_from(("", ", at_most: {messages: 2, per: day}")))
    def begins(self, most: str) -> None:
        folder = Path(self.folder.name)
        for name, words in WORDS.items():
            place = folder / "templates" / name / "email"
            place.mkdir(parents=True)
            (place / "subject.txt").write_text(name)
            (place / "body.txt").write_text(words)
        told = {"COURSEBELL_TEMPLATES": str(folder / "templates")}
        self.here = Installation(folder, RULES, head=HEAD % most, **told)
        self.here.import_people(PEOPLE)
        self.takes_the_channel()

    def takes_the_channel(self) -> None:
        self.here.app.deliveries["email"]._channel = self.desk

    @rule(what=st.lists(HAPPENED, min_size=1, max_size=4))
    def people_learn(self, what: list[tuple[str, bool]]) -> None:
        for who, finishes in what:
            self.one_learns(who, finishes)

    def one_learns(self, who: str, finishes: bool) -> None:
        self.courses += 1
        where = {"course": f"course:{self.courses}", "session": f"course:{self.courses}_1"}
        what = completed if finishes else enrolled
        self.here.post(what(self.now, int(who), **where), at=self.now)
        if finishes:
            self.done.append({"user": int(who), **where})

    @rule(data=st.data())
    def a_completion_is_taken_back(self, data: st.DataObject) -> None:
        if self.done:
            which = self.done.pop(data.draw(st.integers(0, len(self.done) - 1)))
            self.here.post(revoked(self.now, **which), at=self.now)

    @rule(minutes=st.sampled_from((1, 5, 31, 31, 31, 90, 600, 1440)))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        try:
            self.here.tick(self.now)
        except Gone:
            self.here.reopen(self.now)
            self.takes_the_channel()
            self.here.app.deliveries["email"].take_over(self.now)

    @rule(answers=st.lists(ANSWERS, min_size=1, max_size=3), minutes=st.sampled_from((31, 90)))
    def mails_fail(self, answers: list[str], minutes: int) -> None:
        self.desk.answers = answers
        self.time_passes(minutes)

    @rule(who=st.sampled_from(PEOPLE[2:]), boss=st.sampled_from(BOSSES))
    def a_manager_changes(self, who: PersonRow, boss: str) -> None:
        self.here.import_people([replace(who, manager=boss)])
        self.desk.managers[who.name or ""] = boss

    @rule(id=st.sampled_from(("done", "welcome")), speaks=st.booleans())
    def a_rule_is_muted(self, id: str, speaks: bool) -> None:
        store, views = self.here.app.store, self.here.app.views
        _ = unmute(store, views, id, self.now) if speaks else mute(store, id, self.now)

    @rule()
    def somebody_redrives(self) -> None:
        ids = [row["id"] for row in self.here.notifications() if row["state"] == "given_up"]
        redrive(self.here.app.notification_streams, ids, self.now)

    @invariant()
    def what_is_told_was_taken_and_what_is_not_was_not(self) -> None:
        if hasattr(self, "here"):
            self.check()

    def check(self) -> None:
        assert not self.desk.strangers, "told to somebody else"
        told = Counter(token for mail in self.desk.taken for token in told_in(mail))
        senders = {mail.notification: mail for mail in self.desk.taken}
        found = self.here.app.notification_streams.notifications(
            [row["id"] for row in self.here.notifications()]
        )
        by_id = {each.id: each for each in found}
        for each in found:
            token = self.token(each.owed)
            speaker = each if each.state == "sent" else by_id.get(each.into or "")
            assert told[token] <= 1, f"{token} was told twice"
            if speaker is None:
                assert not told[token], f"{token} was told, and is {each.state} {each.reason}"
            elif speaker.state == "sent":
                named = token in senders[speaker.id].message.text
                assert named or each is not speaker, f"{token} is sent, and nobody read it"
                assert named or self.is_over(each), f"{token} counts as told and was not named"
            else:
                assert speaker.state in OPEN_STATES, f"{token} is lost in what is {speaker.state}"

    def is_over(self, each: Any) -> bool:
        """A completion was taken back before the message that was to name it left."""
        about = {"user": None, "course": each.owed.course}
        return each.owed.rule == "done" and all(d["course"] != about["course"] for d in self.done)

    def token(self, owed: Any) -> str:
        person = self.here.app.people.get(owed.person)
        assert person is not None
        return f"[{owed.rule} {owed.recipient} {person.name} {owed.course}]"

    def teardown(self) -> None:
        if not hasattr(self, "here"):
            return
        try:
            self.desk.answers = []
            for id in ("done", "welcome"):
                unmute(self.here.app.store, self.here.app.views, id, self.now)
            self.somebody_redrives()
            for hours in range(1, 24 * (3 + self.courses), 1):
                self.here.tick(self.now + hours * HOUR)
                if not {*self.here.states()} & {*OPEN_STATES}:
                    break
            self.now += 2 * DAY
            assert not {*self.here.states()} & {*OPEN_STATES}, self.here.states()
            self.check()
        finally:
            self.here.app.close()
            self.folder.cleanup()


TestBundlesWhatever = campaign(Bundles.TestCase)
TestBundlesWhatever.settings = settings(
    max_examples=length(100, 8), stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
