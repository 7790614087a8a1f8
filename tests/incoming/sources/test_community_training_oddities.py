"""What Community Training's feed is known to do, and what it might: read or set aside by itself."""

from typing import Any

import pytest

from service.learners.facts import Completed, Contact, LearnerSeen, ModuleCompleted, Started
from tests.incoming.sources.community_training_payloads import BODIES, NOON, event, fact, reason

ELEVEN = NOON - 3_600_000
DAY = 86_400_000


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("LOGIN", LearnerSeen()),
        ("COURSE_START", Started()),
        ("MODULE_COMPLETION", ModuleCompleted(module="9102", score=80.0)),
        ("COURSE_COMPLETION", Completed(passed=None, score=80.0)),
    ],
)
def test_each_of_the_four_types_is_its_fact(type: str, expected: object) -> None:
    told = fact(event(type))
    assert told.said == expected
    assert (told.source, told.account, told.name) == ("community-training", "", type)
    assert (told.person, told.instance, told.by_admin) == ("40211", None, False)
    place = ("", "", None) if type == "LOGIN" else ("3117", "course", "Logic")
    assert (told.course, told.kind, told.title) == place
    assert told.contact == Contact("Ada Lovelace", "ada@example.org")


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-03-02T11:00:00.2810916Z ", 281),
        ("2026-03-02T11:00:00.2810916Z", 281),
        ("2026-03-02T11:00:00.193248Z", 193),
        ("2026-03-02T11:00:00.5333333", 533),
        ("2026-03-02T11:00:00.94", 940),
        ("2026-03-02T11:00:00", 0),
        ("2026-03-02T12:00:00.5+01:00", 500),
        (ELEVEN // 1000, 0),
    ],
)
@pytest.mark.parametrize(
    ("type", "field"),
    [("LOGIN", "LoginTime"), ("COURSE_START", "StartDate"), ("MODULE_COMPLETION", "CompletionDate"),
     ("COURSE_COMPLETION", "CompletionDate")],
)  # fmt: skip
def test_a_date_is_read_in_every_form_and_without_a_zone_is_utc(
    type: str, field: str, date: object, expected: int
) -> None:
    assert fact(event(type, **{field: date})).occurred_at - ELEVEN == expected


@pytest.mark.parametrize("type", BODIES)
def test_a_date_that_is_none_sets_the_event_aside(type: str) -> None:
    field = next(f for f in ("LoginTime", "StartDate", "CompletionDate") if f in BODIES[type])
    place = f"MessageBody.{field}"
    assert reason(event(type, **{field: ...})) == f"{place}: expected a date and time, got nothing"
    assert "ISO 8601" in reason(event(type, **{field: "28/02/2026"}))
    assert "2000 to 2099" in reason(event(type, **{field: "0001-01-01T00:00:00"}))
    assert fact(event(type, **{field: NOON + DAY})).occurred_at == NOON + DAY
    assert "a day after the letter" in reason(event(type, **{field: NOON + DAY + 1}))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Not Applicable", None), (" not  APPLICABLE ", None), ("", None), (None, None),
        (..., None), ("50", 50.0), ("66.67", 66.67), ("50%", 50.0), (" 50 % ", 50.0), (0, 0.0),
        ("100.0", 100.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("type", ["MODULE_COMPLETION", "COURSE_COMPLETION"])
def test_a_result_is_a_number_or_not_applicable(
    type: str, said: object, expected: float | None
) -> None:
    told = fact(event(type, ExamPercentage=said)).said
    assert isinstance(told, ModuleCompleted | Completed)
    assert told.score == expected


@pytest.mark.parametrize(
    "said", ["101", -1, "half", "%", "50%%", "NaN", "80,5", True, "N/A", [80], {}]
)
@pytest.mark.parametrize("type", ["MODULE_COMPLETION", "COURSE_COMPLETION"])
def test_any_other_result_is_none_and_costs_no_completion(type: str, said: object) -> None:
    assert fact(event(type, ExamPercentage=said)) == fact(event(type, ExamPercentage=...))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Contact": "+49 151 23456789", "ContactType": "Phone"},
         Contact("Ada Lovelace", None, {"phone": "+49 151 23456789"})),
        ({"Contact": 4915123456789, "ContactType": "phone"},
         Contact("Ada Lovelace", None, {"phone": "4915123456789"})),
        ({"Contact": "8d2e", "ContactType": "AzureAD"},
         Contact("Ada Lovelace", None, {"azure_ad": "8d2e"})),
        ({"Contact": " ada@example.org ", "ContactType": " EMAIL "},
         Contact("Ada Lovelace", "ada@example.org")),
        ({"Contact": "ada at example.org"},
         Contact("Ada Lovelace", None, {"contact": "ada at example.org"})),
        ({"Contact": "a@b.example, c@d.example"},
         Contact("Ada Lovelace", None, {"contact": "a@b.example, c@d.example"})),
        ({"ContactType": "Pigeon"}, Contact("Ada Lovelace", None, {"contact": "ada@example.org"})),
        ({"ContactType": ...}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": None}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": " "}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": []}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": "E-mail"}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": "e_MAIL address"}, Contact("Ada Lovelace", "ada@example.org")),
        ({"ContactType": "Phone"}, Contact("Ada Lovelace", None, {"phone": "ada@example.org"})),
        ({"ContactType": ..., "Contact": "+49 151"},
         Contact("Ada Lovelace", None, {"contact": "+49 151"})),
        ({"Contact": {}}, Contact("Ada Lovelace")),
        ({"Contact": ["ada@example.org"]}, Contact("Ada Lovelace")),
        ({"FirstName": [], "LastName": {}}, Contact(None, "ada@example.org")),
        ({"Contact": ...}, Contact("Ada Lovelace")),
        ({"Contact": "9" * 256, "ContactType": "Phone"}, Contact("Ada Lovelace")),
        ({"Contact": "8d\x002e", "ContactType": "AzureAD"}, Contact("Ada Lovelace")),
        ({"Contact": True}, Contact("Ada Lovelace")),
        ({"Contact": "ada@exam\u00adple.org\u200b"}, Contact("Ada Lovelace", "ada@example.org")),
        ({"FirstName": " "}, Contact("Lovelace", "ada@example.org")),
        ({"FirstName": "x" * 256}, Contact("Lovelace", "ada@example.org")),
        ({"FirstName": "x" * 130, "LastName": "y" * 130}, Contact(None, "ada@example.org")),
        ({"FirstName": "Ada\n Augusta", "LastName": "\tKing "},
         Contact("Ada Augusta King", "ada@example.org")),
        ({"FirstName": "\u0dc1\u0dca\u200d\u0dbb\u0dd3", "LastName": None},
         Contact("\u0dc1\u0dca\u200d\u0dbb\u0dd3", "ada@example.org")),
        (dict.fromkeys(("FirstName", "LastName", "Contact", "ContactType"), ...), None),
    ],
)  # fmt: skip
def test_a_contact_is_kept_for_what_it_is_and_costs_no_event(
    changes: dict[str, Any], expected: Contact | None
) -> None:
    told = fact(event(**changes))
    assert told.contact == expected
    assert told.said == Completed(score=80.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("  Logic\u00a0I ", "Logic I"), ("", None), (" ", None), (None, None), (..., None),
     ("x" * 500, "x" * 500), ("x" * 501, None), (1984, "1984"),
     ([], None), ({"en": "Logic"}, None)],
)  # fmt: skip
def test_a_title_is_the_courses_name(name: object, expected: str | None) -> None:
    assert fact(event(CourseName=name)).title == expected
