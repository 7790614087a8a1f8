"""Unsent: why a rule told somebody or did not, as a person reads it."""

from rich.console import Console
from rich.text import Text

from service.cli.console import printable
from service.cli.explained import print_rule, print_terms, say, thing
from service.cli.pages import print_words
from service.learners.people import People
from service.rules.why.answers import Explanation, Matter, Occasion

INDENT = "    "


def print_explanation(screen: Console, found: Explanation, people: People) -> None:
    """The answer first, then everything that led to it."""
    title = Text.assemble(("Rule ", "dim"), (found.id, "bold"))
    screen.print(Text.assemble(title, f" as of {found.at:%Y-%m-%d %H:%M:%SZ}"), soft_wrap=True)
    print_words(screen, Text(printable(found.answer), "bold"), "  ")
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
    """One enrolment, instance, course, learner or feed."""
    screen.print()
    screen.print(Text(printable(thing(people, matter.about)), "bold"), soft_wrap=True)
    print_words(screen, Text(printable(f"then: {matter.standing}")), "  ")
    for words in matter.nearest:
        print_words(screen, Text(printable(words)), "  nearest: ")
    if matter.earlier:
        print_words(screen, Text(f"{matter.earlier} earlier ones are left out"), "  ")
    for occasion in matter.occasions:
        print_occasion(screen, occasion)


def print_occasion(screen: Console, occasion: Occasion) -> None:
    """One event or silence, and what the rule made of it."""
    mark = ("told", "green") if occasion.told else ("not told", "red")
    head = f"  {occasion.at:%Y-%m-%d %H:%M:%SZ}  "
    print_words(screen, Text(printable(occasion.what)), head)
    print_words(screen, Text.assemble(mark, f": {printable(occasion.verdict)}"), INDENT)
    print_terms(screen, occasion.terms, INDENT)
    for each in occasion.notifications:
        print_words(screen, Text(printable(f"{each.id}, {each.to}, {each.template}")), INDENT)
    for words in occasion.steps:
        print_words(screen, Text(printable(words)), INDENT)
