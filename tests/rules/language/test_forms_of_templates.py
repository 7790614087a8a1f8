"""An entry needs its template's form and a channel that can carry it; long texts cost no time."""

from time import monotonic

import pytest

from service.rules.language.channels import holds_password
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules

FORMS = {"seat_free": frozenset({"chat"}), "done": frozenset({"email"}), "bare": frozenset()}
FILE = """version: 1
channels:
  email: mailto://127.0.0.1?from=a@example.org
  room: drawer://
rules:
  - id: free
    trigger: {event: enrollment.completed}
    notify:
      - {%s}
"""


def told(entry: str, **arguments: object) -> list[str]:
    read = read_rules(FILE % entry, environ={}, installed=Installed(FORMS), **arguments)  # type: ignore[arg-type]
    return [str(problem) for problem in read[1]]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "to: learner, via: email, template: seat_free",
            "rules.yaml:9:45: template 'seat_free' has no email version; "
            "expected templates/seat_free/email/body.txt; it has: chat",
        ),
        (
            "post: room, template: done",
            "rules.yaml:9:32: template 'done' has no chat version; "
            "expected templates/done/chat/body.txt; it has: email",
        ),
        (
            "post: room, template: bare",
            "rules.yaml:9:32: template 'bare' has no chat version; "
            "expected templates/bare/chat/body.txt; it has: none",
        ),
        (
            "post: email, template: seat_free",
            "rules.yaml:9:16: a room cannot be a mail channel; "
            "name a chat channel, or write 'to' and 'via'",
        ),
        ("post: room, template: seat_fre", "rules.yaml:9:32: no template 'seat_fre'; did you mean "
         "'seat_free'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(entry: str, problem: str) -> None:
    assert told(entry) == [problem]


@pytest.mark.parametrize(
    "entry", ["to: learner, via: email, template: done", "post: room, template: seat_free"]
)
def test_what_fits_is_read(entry: str) -> None:
    assert told(entry) == []


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("mailto://ada:secret@example.org", True),
        ("see mailto://a:b@c now", True),
        ("a://b?x://u:p@h", True),
        ("mailto://example.org?from=ada@example.org", False),
        ("mailto://ada@example.org", False),
        ("mailto://ada:@example.org", False),
        ("at 10:30 write to ada@example.org", False),
        ("https://example.org:80/@team", True),
        ("://:" + ":" * 10 + "@", True),
    ],
)
def test_a_password_is_seen(text: str, holds: bool) -> None:
    assert holds_password(text) is holds


@pytest.mark.parametrize(
    "text", ["://" + ":" * 200_000, "://" * 100_000, "a://b:c" * 50_000, "${a:-" * 100_000]
)
def test_a_long_text_is_read_at_once(text: str) -> None:
    began = monotonic()
    holds_password(text)
    read_rules(
        f'version: 1\nchannels: {{a: "{text}"}}\nrules:\n  - id: a\n    description: "{text}"\n'
        "    trigger: {event: enrollment.completed}\n"
        "    notify: [{post: a, template: x}]\n",
        environ={},
    )
    assert monotonic() - began < 5


def test_a_digest_needs_words_for_many_and_other_words_tell_of_one():
    rules = """
version: 1
channels: {email: "drawer://"}
rules:
  - id: a
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: one, digest: {every: day}}
      - {to: learner, via: email, template: many}
"""
    forms = {"one": frozenset({"email"}), "many": frozenset({"email"})}
    reads = {
        ("one", "email"): {"body.txt": frozenset()},
        ("many", "email"): {"body.txt": frozenset({"items"})},
    }
    _, problems = read_rules(rules, environ={}, installed=Installed(forms, reads))
    assert [str(problem) for problem in problems] == [
        "rules.yaml:8:45: template 'one' tells of one thing, and a digest of many; name one whose "
        "email/body.txt goes through 'items'",
        "rules.yaml:9:45: template 'many' goes through the 'items' of a digest, and here is none; "
        "add a 'digest', or name another template",
    ]
    assert [problem.severity for problem in problems] == ["error", "warning"]


BODIES = ("body.txt", "body.html", "body.de.txt", "body.de.html")


def warned(rule: str, **reads: str) -> list[str]:
    """What is said of a rule whose template's bodies read these, by the name of the file."""
    files = {name: frozenset(reads.get(name.replace(".", "_"), "").split()) for name in BODIES}
    _, problems = read_rules(
        f"version: 1\nchannels: {{email: 'drawer://'}}\nrules:\n{rule}",
        environ={},
        installed=Installed({"words": frozenset({"email"})}, {("words", "email"): files}),
    )
    assert {problem.severity for problem in problems} <= {"warning"}
    return [problem.message for problem in problems]


def rule(entry: str = "", trigger: str = "event: enrollment.completed", more: str = "") -> str:
    return (
        f"  - id: a\n    trigger: {{{trigger}}}\n{more}"
        f"    notify: [{{to: learner, via: email, template: words{entry}}}]\n"
    )


def test_a_digest_is_told_of_in_every_body():
    every = {name.replace(".", "_"): "items" for name in BODIES}
    assert warned(rule(", digest: {every: day}"), **every) == []
    assert warned(rule(", digest: {every: day}"), **every | {"body_de_html": ""}) == [
        "template 'words' leaves out what the digest tells of in body.de.html; "
        "go through 'items' there too"
    ]


def test_what_collapses_is_told_of_in_every_body():
    collapse, others = "    collapse: 10m\n", {n.replace(".", "_"): "others" for n in BODIES}
    assert warned(rule(more=collapse), **others) == []
    assert warned(rule()) == []
    assert warned(rule(more=collapse), **others | {"body_txt": "", "body_html": "course"}) == [
        "template 'words' tells of one course, and 'collapse' makes one message of several; "
        "name the 'others' in body.txt and body.html"
    ]


def test_what_cannot_collapse_into_one_message_is_let_be():
    collapse = "    collapse: 10m\n"
    step = "    escalation: [{after: 1d, to: manager, via: email, template: words}]\n"
    assert len(warned(rule(more=collapse + step))) == 1, "a step is a message of its own"
    seats = rule(trigger="event: instance.seats_changed", more=collapse)
    assert warned(seats.replace("to: learner", "to: watchers")) == [], "it is one course"


def test_what_is_bundled_is_told_of_in_every_body():
    bundle, both = "    bundle: 30m\n", {n.replace(".", "_"): "items course" for n in BODIES}
    assert warned(rule(more=bundle), **both) == []
    assert warned(rule(), **both) == [], "they tell of one thing as well"
    told = (
        "template 'words' tells of one thing, and 'bundle' makes one message of several: each is "
        "told in words of its own there; go through 'items' in {}"
    )
    assert warned(rule(more=bundle), **both | {"body_txt": "course"}) == [told.format("body.txt")]
    step = "    escalation: [{after: 1d, to: manager, via: email, template: words}]\n"
    one = dict.fromkeys(both, "course")
    first, later = warned(rule(more=bundle + step), **one)
    assert first == later and first.startswith(told.format("body.txt")), "steps are bundled too"
    assert warned(rule(more="    bundle: none\n"), **one) == []
    assert warned(rule(", digest: {every: day}", more=bundle), **both) == []


def test_words_for_a_list_alone_are_no_words_for_a_bundle():
    every = {name.replace(".", "_"): "items more" for name in BODIES}
    assert warned(rule(more="    bundle: 30m\n"), **every) == [
        "template 'words' goes through the 'items' of a digest, and here is none; "
        "add a 'digest', or name another template"
    ]
