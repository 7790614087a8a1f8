"""Define what an explanation says, the same for people, programs and the API.

Times are UTC; ids are the LMS's own, but for streams and notifications. Nobody is named.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from service.rules.trace import TermResult

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(ms: int) -> datetime:
    """Give a moment in ms since 1970 UTC as a time."""
    return EPOCH + timedelta(milliseconds=ms)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One condition as the rule file has it at `line`, inside `depth` groups.

    `got` is the value it had, in words; `holds` is null where the value is not known any more, or
    was never read as another condition had settled it.
    """

    line: int
    depth: int
    term: str
    got: str | None
    holds: bool | None


class RuleThen(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the file had it at `line` when it counted, active since `active_since`.

    `today` is `the same`, or how the active file differs now. `text` is the rule as it was.
    """

    id: str
    mode: str
    line: int
    trigger: str
    active_since: datetime
    today: str
    text: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery in which it came; null where nothing is known of it any more."""

    number: int
    source: str
    came_at: datetime | None = None
    state: str | None = None
    imported: bool = False


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A fact and the event that records it: what the LMS said, and what that changed.

    `name` is what the LMS calls it, `item` its place in the letter, from 0. `changed` says how
    things stood before and after, in words.
    """

    fact: str
    name: str
    source: str
    happened_at: datetime
    recorded_at: datetime
    said: dict[str, Any]
    by_admin: bool
    imported: bool
    item: int
    stream: str
    version: int
    position: int
    transitions: list[str]
    changed: list[str]
    letter: Delivery


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the history of a notification, in words; `reply` is the other side's."""

    at: datetime
    event: str
    words: str
    reply: str | None = None


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A notification and how it stands; `told` also when another one's message told it, `into`."""

    id: str
    to: str
    channel: str
    template: str
    state: str
    reason: str | None
    decided_at: datetime
    told: bool
    into: str | None = None


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What it is about: an enrollment, an instance, a course, a learner, or a feed."""

    stream: str
    source: str
    account: str
    learner: str | None = None
    course: str | None = None
    instance: str | None = None


class Chain(msgspec.Struct, frozen=True, kw_only=True, tag="notification", tag_field="explains"):
    """Why a notification came to be, and what became of it.

    `because` says in a sentence what happened; `cause` is the event it happened by, null when it
    was a silent feed or a digest, whose last letter is `letter` and whose notifications are
    `items`, or a `letter` that could not be used. What its message tells of beside it are `items`
    too. `first` is the notification that an escalation
    goes on from. `rule` is null, and `notes` say why, where the file as it was cannot be read any
    more.
    """

    id: str
    state: str
    reason: str | None
    to: str
    channel: str
    template: str
    about: About
    because: str
    cause: Cause | None
    letter: Delivery | None
    rule: RuleThen | None
    terms: list[Term]
    decided_at: datetime
    history: list[Turn]
    ended: str
    first: list[Named] = []
    items: list[Named] = []
    into: str | None = None
    speaks_for: list[str] = []
    notes: list[str] = []


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """One time at which the rule could have told somebody: what it made of it, term by term.

    `verdict` is the answer in a sentence. `cause` is null for a silent feed. `steps` are those
    of its escalation that nothing was owed by.
    """

    at: datetime
    what: str
    cause: Cause | None
    rule: RuleThen | None
    verdict: str
    told: bool
    terms: list[Term] = []
    notifications: list[Named] = []
    steps: list[str] = []


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule made of one enrollment, instance, course, learner or feed.

    `standing` is how it stood at the time that was asked about; `nearest` says what came nearest
    to the trigger. `earlier` occasions are left out, the oldest.
    """

    about: About
    standing: str
    nearest: list[str]
    occasions: list[Occasion]
    earlier: int = 0


class Explanation(msgspec.Struct, frozen=True, kw_only=True, tag="rule", tag_field="explains"):
    """Whether a rule told somebody of something up to a time, and if not, why.

    `rule` is how it read at that time, null if there was none of this name then. `more` matters
    are left out.
    """

    id: str
    at: datetime
    rule: RuleThen | None
    answer: str
    matters: list[Matter]
    more: int = 0
    notes: list[str] = []


def terms_of(lines: list[TermResult]) -> list[Term]:
    """Put conditions that were judged into an answer."""
    return [
        Term(line=each.line, depth=each.depth, term=each.term, got=each.got, holds=each.holds)
        for each in lines
    ]
