"""Explain why a rule told somebody, or why not, up to a moment in the past."""

from collections.abc import Iterator

import msgspec

from service.learners.course import LearnerSignIns
from service.learners.directory.people import Person
from service.learners.facts import Identity, course_id
from service.learners.feed_subjects import FEED
from service.rules.explain.answers import About, Explanation, Matter, time_of
from service.rules.explain.causes import Evidence
from service.rules.explain.event_occasions import of_events
from service.rules.explain.occasion import Inquiry
from service.rules.explain.rule_versions import rule_then
from service.rules.explain.silences import of_silences, of_source
from service.rules.rule import Rule
from service.rules.text import hint, listed, moment

MATTERS_SHOWN = 20
"""How many enrolments of one person are explained at once."""
NEEDS = {"enrollment": "learner"}
"""What a question must name of the subject of a rule, where that has another name."""


class Unanswerable(Exception):
    """Say that a question names something that is not there, and what to do."""


class Question(msgspec.Struct, frozen=True):
    """Ask of which rule, about whom or what, by the LMS's ids; `at` is in ms UTC."""

    rule: str
    at: int
    learner: str | None = None
    course: str | None = None
    instance: str | None = None
    source: str | None = None
    account: str | None = None

    def fits(self, source: str, account: str) -> bool:
        """Tell whether something of this source and account is meant."""
        return self.source in (None, source) and self.account in (None, account)

    def is_in(self, course: str, instance: str | None) -> bool:
        """Tell whether something in this course and instance is meant, however it is spelt."""
        return _is_meant(self.course, course) and _is_meant(self.instance, instance)


def _is_meant(asked: str | None, id: str | None) -> bool:
    return asked in (None, id) or course_id(asked or "") == course_id(id or "")


def explanation(evidence: Evidence, question: Question) -> Explanation:
    """Explain what a rule made of all that happened up to a time; raise Unanswerable."""
    rule = reference(evidence, question)
    subjects = list(subjects_of(evidence, rule, question))
    of_kind = MATTERS[rule.trigger.kind]
    matters = [of_kind(Inquiry(evidence, rule, each, question.at)) for each in subjects]
    matters.sort(key=_newest_last)
    current = evidence.rule_files.as_of(question.at)
    now = current.rule(rule.id) if current else None
    read = (now or rule).reads_today if matters else []
    return Explanation(
        id=rule.id,
        at=time_of(question.at),
        rule=rule_then(current, now, evidence.rule_files.today()) if current and now else None,
        answer=answer(matters, question),
        matters=matters[-MATTERS_SHOWN:],
        more=max(0, len(matters) - MATTERS_SHOWN),
        notes=[f"{listed(read)} as known today, where no decision recorded them"] if read else [],
    )


def reference(evidence: Evidence, question: Question) -> Rule:
    """Find the rule as it read at the time, or else when it was there; raise Unanswerable."""
    rule_file = evidence.rule_files.nearest(question.rule, question.at)
    if rule_file is None:
        names = sorted(evidence.rule_files.names())
        near = hint(question.rule, names) or (f"; there were {listed(names)}" if names else "")
        raise Unanswerable(f"no rule '{question.rule}' was ever active here{near}")
    rule = rule_file.rule(question.rule)
    if rule is None:
        raise Unanswerable(
            f"rule '{question.rule}': this version cannot read the rule file that was active "
            f"since {moment(rule_file.activated.at)}; it explains only what later files say"
        )
    return rule


def _newest_last(matter: Matter) -> tuple[bool, str]:
    return bool(matter.occasions), max((o.at.isoformat() for o in matter.occasions), default="")


def answer(matters: list[Matter], question: Question) -> str:
    """Answer in a sentence."""
    occasions = [each for matter in matters for each in matter.occasions]
    told = [each for each in occasions if each.told]
    if told:
        return f"told at {told[-1].at:%Y-%m-%d %H:%M:%SZ}: {told[-1].what}"
    if occasions:
        return f"not told: {occasions[-1].verdict}"
    if not matters:
        return f"not told: nothing is known of it up to {moment(question.at)}"
    nearest = [words for matter in matters for words in matter.nearest]
    return f"not told, as nothing triggered it: {nearest[-1] if nearest else matters[-1].standing}"


MATTERS = {
    "event": of_events,
    "change": of_events,
    "letter": of_events,
    "stalled_for": of_silences,
    "source_silent_for": of_source,
}
"""What can be explained of one thing, by the kind of trigger."""


def subjects_of(evidence: Evidence, rule: Rule, question: Question) -> Iterator[About]:
    """Find what the question can be about; raises Unanswerable when it does not say enough."""
    subject = rule.trigger.scope.subject
    if subject in ("letter", "channel"):
        raise Unanswerable(
            f"rule '{rule.id}' tells of {subject}s; explain one of its notifications, as in "
            f"`coursebell notifications list --rule {rule.id}`"
        )
    value = required(question, NEEDS.get(subject, subject), rule)
    if subject == "source":
        yield About(stream=f"{FEED}{value}", source=value, account="")
    elif subject == "instance":
        yield from _instances(evidence, question, value)
    elif subject == "course":
        yield from _courses(evidence, question, value)
    else:
        for person in people(evidence, question, value):
            yield from _learning(evidence, question, person, subject)


def required(question: Question, name: str, rule: Rule) -> str:
    """Take what a question about such a rule must name; raise Unanswerable without."""
    value: str | None = getattr(question, name)
    if value is None:
        raise Unanswerable(f"rule '{rule.id}' is about one {name}; expected `{name}`, got none")
    return value


def people(evidence: Evidence, question: Question, lms_id: str) -> list[Person]:
    """Find who has this LMS id; raise Unanswerable when nobody does."""
    rows = evidence.past.people.namesakes(lms_id)
    found = [row for row in rows if not row.source or question.fits(row.source, row.account)]
    if not found:
        near = "" if rows else hint(lms_id, evidence.past.learners_near(lms_id))
        raise Unanswerable(
            f"no learner has the LMS id that was given{' there' if rows else ''}{near}; expected "
            "the id by which the LMS knows them, as in `coursebell people list`"
        )
    return found


def _learning(
    evidence: Evidence, question: Question, person: Person, subject: str
) -> Iterator[About]:
    past, learner = evidence.past, person.lms_id
    if subject == "learner":
        alone, source, account = LearnerSignIns.stream(person.id), person.source, person.account
        if past.newest(alone):
            yield About(stream=alone, source=source, account=account, learner=learner)
        return
    for stream, who in past.enrollments(person.id):
        meant = question.is_in(who.course, who.instance)
        if meant and question.fits(who.source, who.account):
            yield _about(stream, who, learner)


def _about(stream: str, who: Identity, learner: str | None = None) -> About:
    return About(
        stream=stream,
        source=who.source,
        account=who.account,
        learner=learner,
        course=who.course,
        instance=who.instance,
    )


def _instances(evidence: Evidence, question: Question, instance: str) -> Iterator[About]:
    found = [
        _about(stream, place)
        for stream, place in evidence.past.instances(instance)
        if question.fits(place.source, place.account)
        and question.is_in(place.course, place.instance)
    ]
    if not found:
        raise Unanswerable(f"no instance '{instance}' is known; look at /api/v1/instances")
    yield from found


def _courses(evidence: Evidence, question: Question, course: str) -> Iterator[About]:
    found = [
        _about(stream, title)
        for stream, title in evidence.past.titles(course)
        if question.fits(title.source, title.account)
    ]
    if not found:
        raise Unanswerable(f"no LMS has said anything of a course '{course}'")
    yield from found
