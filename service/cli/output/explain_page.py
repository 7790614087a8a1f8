"""Print an explanation, from the letter to the end of a notification, for a person to read."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from service.cli.output.console import printable
from service.cli.output.text import in_local_time, local_time, print_words
from service.learners.directory.managers import Managers
from service.learners.directory.people import People, Person
from service.learners.world import Reader, climb
from service.rules.explain.answers import (
    About,
    Cause,
    Chain,
    Delivery,
    Explanation,
    Matter,
    Named,
    Occasion,
    RuleThen,
    Term,
    Turn,
)
from service.rules.explain.rule_versions import SAME
from service.rules.rule import STEPS_UP, in_place_of

LABEL = 14
MARKS = {True: ("yes", "green"), False: ("no ", "red"), None: ("-  ", "dim")}


def print_chain(screen: Console, chain: Chain, people: People) -> None:
    """Print why a notification came to be, and what became of it."""
    screen.print(Text.assemble(("Notification ", "dim"), (chain.id, "bold")), soft_wrap=True)
    whom = recipient(people, chain.about, chain.to)
    say(screen, "", f"to {whom} by {chain.channel}, template {chain.template}")
    say(screen, "", f"about {thing(people, chain.about)}")
    say(screen, "", chain.ended, "bold")
    screen.print()
    say(screen, "Why", chain.because)
    if chain.cause is not None:
        print_cause(screen, chain.cause)
    elif chain.letter is not None:
        print_letter(screen, chain.letter)
    print_named(screen, "Goes on from", chain.first)
    print_named(screen, "Made up of", chain.items)
    if chain.rule is not None:
        print_rule(screen, chain.rule)
    print_terms(screen, chain.terms)
    for note in chain.notes:
        say(screen, "Note", note)
    print_history(screen, chain.history)
    if chain.speaks_for:
        say(screen, "Speaks for", f"{len(chain.speaks_for)} others too")


def say(screen: Console, label: str, words: str, style: str = "") -> None:
    """Print a line with its label; in a terminal it goes on underneath."""
    head = f"{label:<{LABEL}}" if label else "  "
    print_words(screen, Text(printable(in_local_time(words)), style), head)


def print_cause(screen: Console, cause: Cause) -> None:
    """Print the letter, the fact, the event and the transition."""
    print_letter(screen, cause.letter)
    who = " by an admin" if cause.by_admin else ""
    said = "".join(f"; {name} {_plain(value)}" for name, value in cause.said.items())
    say(
        screen,
        "Fact",
        f"{cause.fact}, which {cause.source} calls {cause.name}; happened{who} at "
        f"{local_time(cause.happened_at)}{said}",
    )
    say(
        screen,
        "Event",
        f"version {cause.version} of {cause.stream}, position {cause.position} of the log, "
        f"recorded at {local_time(cause.recorded_at)}",
    )
    changed = f": {', '.join(cause.changed)}" if cause.changed else ""
    say(screen, "Transition", (", ".join(cause.transitions) or "none") + changed)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def print_letter(screen: Console, letter: Delivery) -> None:
    """Print which delivery it came in."""
    came = f" at {local_time(letter.came_at)}" if letter.came_at else ", now gone"
    imported = ", imported" if letter.imported else ""
    say(screen, "Letter", f"{letter.number} from {letter.source}, came{came}{imported}")


def print_rule(screen: Console, rule: RuleThen) -> None:
    """Print the rule as it was."""
    mode = "" if rule.mode == "live" else f", {rule.mode}"
    today = "today it is the same" if rule.today == SAME else f"today: {rule.today}"
    say(
        screen,
        "Rule",
        f"{rule.id}{mode}, line {rule.line} of the file active since "
        f"{local_time(rule.active_since)}; {today}",
    )
    say(screen, " " * LABEL, f"triggered by {rule.trigger}")


def print_terms(screen: Console, terms: Iterable[Term], indent: str = " " * LABEL) -> None:
    """Print each condition with the value it had."""
    for term in terms:
        mark = Text(*MARKS[term.holds])
        words = term.term if term.got is None else f"{term.term}: got {term.got}"
        line = Text.assemble(printable(in_local_time(words)), (f"  line {term.line}", "dim"))
        print_words(screen, Text.assemble(mark, "  ", "  " * term.depth, line), indent)


def print_named(screen: Console, label: str, found: Sequence[Named]) -> None:
    """Print other notifications that belong to it."""
    for place, each in enumerate(found):
        words = f"{each.id}, {each.to}, {each.template}: {each.state.replace('_', ' ')}"
        say(screen, label if not place else " " * LABEL, words)


def print_history(screen: Console, history: Iterable[Turn]) -> None:
    """Print what became of a notification, event by event."""
    screen.print()
    for turn in history:
        reply = f" “{turn.reply}”" if turn.reply else ""
        words = in_local_time(turn.words) + reply
        print_words(screen, Text(printable(words)), f"{local_time(turn.at)}  ")


def reader(people: People, about: About, to: str) -> Reader | None:
    """Find who reads it, as known today; None for a room, and for whoever nobody knows."""
    manager = Managers(people).of
    role, _, id = to.partition(" ")
    if role in STEPS_UP and not id:
        return climb(_person(people, about, about.learner), STEPS_UP[role], manager)
    member, of, _ = to.partition(" of ")
    who = id if role in STEPS_UP else member
    return in_place_of(_person(people, about, who), role, manager) if id or of else None


def recipient(people: People, about: About, to: str) -> str:
    """Say whom it is for, with a name where one is known today, and who has left."""
    found = reader(people, about, to) or Reader(None)
    role, _, id = to.partition(" ")
    member, of, group = to.partition(" of ")
    if role in STEPS_UP:
        who = id or (about.learner if role == "learner" else None)
        return f"{role.replace('_', ' ')} {read_by(found, who)}".rstrip()
    return f"{read_by(found, member)} of {group}" if of else to.replace("room:", "room ", 1)


def read_by(found: Reader, lms_id: str | None) -> str:
    """Say who reads it, and who was passed over as they have left."""
    if not found.passed:
        return _called(found.person, lms_id)
    passed = " and ".join(_called(each, None) for each in found.passed)
    have = "has" if len(found.passed) == 1 else "have"
    instead = f"; told instead: {_called(found.person, None)}" if found.person else ""
    return f"{passed} {have} left{instead}"


def thing(people: People, about: About) -> str:
    """Say what it is about, with the learner's name."""
    learner = about.learner and _called(_person(people, about, about.learner), about.learner)
    parts = (
        learner and f"learner {learner}",
        about.instance or about.course or None,
        " ".join(filter(None, (about.source, about.account))),
    )
    return ", ".join(filter(None, parts)) or about.stream


def _person(people: People, about: About, lms_id: str | None) -> Person | None:
    return people.find((about.source, about.account, lms_id)) if lms_id else None


def _called(person: Person | None, lms_id: str | None) -> str:
    id = lms_id or (person.lms_id if person else None)
    name = person.name or person.email if person else None
    return f"{name} ({id})" if name and id else (name or id or "")


INDENT = "    "


def print_explanation(screen: Console, found: Explanation, people: People) -> None:
    """Print the answer first, then everything that led to it."""
    title = Text.assemble(("Rule ", "dim"), (found.id, "bold"))
    screen.print(Text.assemble(title, f" as of {local_time(found.at)}"), soft_wrap=True)
    print_words(screen, Text(sentence(found.answer), "bold"), "  ")
    if found.rule is None:
        print_words(screen, Text("there was no such rule at that time"), "  ")
    else:
        screen.print()
        print_rule(screen, found.rule)
    for matter in found.matters:
        print_matter(screen, matter, people)
    if found.more:
        say(screen, "", f"and {found.more} more; name a --course or --instance to see them")
    for note in found.notes:
        screen.print()
        say(screen, "Read today", note)


def print_matter(screen: Console, matter: Matter, people: People) -> None:
    """Print what happened to one enrolment, instance, course, learner or feed."""
    screen.print()
    screen.print(Text(printable(thing(people, matter.about)), "bold"), soft_wrap=True)
    print_words(screen, Text(sentence(f"then: {matter.standing}")), "  ")
    for words in matter.nearest:
        print_words(screen, Text(sentence(words)), "  nearest: ")
    if matter.earlier:
        print_words(screen, Text(f"{matter.earlier} earlier ones are left out"), "  ")
    for occasion in matter.occasions:
        print_occasion(screen, occasion)


def print_occasion(screen: Console, occasion: Occasion) -> None:
    """Print one event or silence, and what the rule made of it."""
    mark = ("told", "green") if occasion.told else ("not told", "red")
    head = f"  {local_time(occasion.at)}  "
    print_words(screen, Text(sentence(occasion.what)), head)
    print_words(screen, Text.assemble(mark, f": {sentence(occasion.verdict)}"), INDENT)
    print_terms(screen, occasion.terms, INDENT)
    for each in occasion.notifications:
        print_words(screen, Text(printable(f"{each.id}, {each.to}, {each.template}")), INDENT)
    for words in occasion.steps:
        print_words(screen, Text(sentence(words)), INDENT)


def sentence(words: str) -> str:
    """Make an answer's words printable, with their times in the reader's zone."""
    return printable(in_local_time(words))
