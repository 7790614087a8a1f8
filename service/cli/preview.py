"""Run `coursebell preview`: show the message of a template, with made-up or real values."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import rich_click as click
from msgspec.structs import replace

from service.app.active_rules import beside
from service.app.event_types import event_store
from service.app.ways_out import open_way
from service.cli.check import show
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.all_words import print_missing, show_all
from service.cli.output.console import BAD, data_option, fail, open_ledger
from service.cli.output.preview_page import (
    NOBODY,
    PreviewOccasion,
    PreviewPage,
    open_pages,
    print_pages,
    write,
)
from service.incoming.letters import Letters
from service.incoming.set_aside import SetAsideQuery
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.world import Lookup
from service.ledger.store import Store
from service.rules import plan
from service.rules.calendar import ITEMS_MAX, Digest
from service.rules.fields import ITEM_GROUPS, ITEMS, MORE, OTHERS
from service.rules.judgement import Due
from service.rules.language.brand import NO_BRAND
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.notification import Notification
from service.rules.rule import ROOM, Entry, RuleSet, find_reader
from service.rules.text import hint, listed
from service.rules.verdict import Item, Subject
from service.running import wall_clock
from service.sending.channels import ChannelError
from service.sending.channels.channel import MessageDefaults
from service.sending.delivery_pool import WITHOUT_DOMAIN
from service.sending.planner import values_of
from service.sending.streams import NotificationStreams
from service.sending.templates.fitting import Fits, Wording, anything, fitting
from service.sending.templates.sample import sample_for
from service.sending.templates.template_files import FORMS
from service.sending.templates.templates import TemplateProblem, Templates
from service.settings import Settings
from service.simulation.sandbox import DRAWER, without_secrets

UNTOLD: Mapping[str, Any] = {ITEMS: [], OTHERS: [], MORE: 0}
"""What a sample tells of, for words that do not ask for it."""


@click.command()
@click.argument("template", required=False)
@click.option("--all", "every", is_flag=True, help="All templates on one page: light, dark, phone.")
@click.option("--missing", metavar="LOCALE", help="List what a language has no words for.")
@rule_file_options
@click.option("--form", type=click.Choice(FORMS), help="Only this form; else each it has.")
@click.option("--locale", help="Only as a reader of this locale gets it, e.g. de-AT.")
@click.option("--notification", help="With the values of this one, as of now.")
@click.option("--sample", is_flag=True, help="With made-up values (the default).")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write text, HTML and mail into this folder.",
)
@click.option("--open", "opened", is_flag=True, help="Open the HTML in the browser.")
@data_option
def preview(
    template: str | None,
    every: bool,
    missing: str | None,
    given: RuleFiles,
    form: str | None,
    locale: str | None,
    notification: str | None,
    sample: bool,
    output: Path | None,
    opened: bool,
    data: Path | None,
) -> None:
    """Show the message of TEMPLATE, in each of its languages; nothing is recorded or sent.

    Exits with 1 when the template has a mistake.
    """
    if sample and notification:
        fail("preview: expected --sample or --notification, got both")
    if sum(map(bool, (template, every, missing))) != 1:
        fail("preview: expected the name of one template, --all or --missing LOCALE")
    chosen = given.settings(data)
    if given.rules and not given.rules.is_file():
        fail(f"{given.rules}: expected a rule file, found none; name one that is there")
    if missing:
        print_missing(Templates(chosen.templates), missing, chosen.templates)
        return
    words = checked(chosen, template)
    every_name = [name for name, forms in words.forms.items() if form in (None, *forms)]
    pages: list[PreviewPage] = []
    with ExitStack() as files:
        for name in [template] if template else every_name:
            tell = teller(chosen, words, name, notification=notification, files=files)
            forms = forms_of(words, name, form, real=tell if notification else None)
            pages += pages_of(words, name, forms, locale, tell)
    if every:
        show_all(pages, output, opened=opened)
        return
    if output is None and not opened:
        print_pages(pages)
        return
    folder = output or Path(tempfile.mkdtemp(prefix="coursebell-preview-"))
    written = [path for page in pages for path in write(folder, page, wall_clock())]
    if opened:
        open_pages([path for path in written if path.suffix == ".html"])


def checked(chosen: Settings, template: str | None) -> Templates:
    """Read the templates; end with what `coursebell check` says of one and of what all share."""
    words = Templates(chosen.templates)
    folder = chosen.templates
    own = (f"{folder / template}/", f"{folder / template}: ") if template else (f"{folder}/",)
    places = (f"{folder}: ", f"{folder}/_", *own)
    mistakes = [problem for problem in words.problems() if problem.startswith(places)]
    if mistakes:
        refuse(mistakes)
    if template and not words.forms.get(template):
        near = hint(template, words.forms) or f"; there are {listed(words.forms)}"
        fail(f"{folder}: no template '{template}'{near}")
    return words


def refuse(mistakes: list[str]) -> NoReturn:
    """Name mistakes as `coursebell check` does, and exit."""
    show(None, [], mistakes, [])
    raise SystemExit(BAD)


def teller(
    chosen: Settings, words: Templates, template: str, notification: str | None, files: ExitStack
) -> Callable[[str], PreviewOccasion]:
    """Find what a form of the template is told with; `files` keeps open what it reads."""
    rules = rules_of(chosen, secrets=False)
    words.brand = rules.brand if rules else NO_BRAND
    if notification is None:
        return lambda form: from_sample(words, template, form, chosen=chosen, rules=rules)
    archive = NotificationReader(files.enter_context(open_ledger(chosen.data)), chosen)
    occasion = archive.occasion(notification, rules, wall_clock())
    return lambda _: occasion


def rules_of(chosen: Settings, *, secrets: bool) -> RuleSet | None:
    """Read the rules as their file is now; None while it has mistakes or is not there.

    Without the `secrets` of their channels each of these is a drawer.
    """
    if not chosen.rules.is_file():
        return None
    environ = (chosen if secrets else without_secrets(chosen)).environment
    installed = Installed(beside=beside(chosen.rules))
    return read_rules(chosen.rules.read_bytes(), environ=environ, installed=installed)[0]


def taken_by(entry: Entry | None, chosen: Settings) -> Fits:
    """Find which words an entry's room takes; any, where its URL is not known or not right."""
    rules = rules_of(chosen, secrets=True)
    url = rules.channels.get(entry.channel) if rules and entry else None
    try:
        return open_way("", url or DRAWER, chosen).fits
    except ChannelError:
        return anything


def from_sample(
    words: Templates, template: str, form: str, chosen: Settings, rules: RuleSet | None
) -> PreviewOccasion:
    """Make values up; it is told to whom the first rule with this template tells it."""
    uses = [(rule.id, entry) for rule in rules.rules for entry in rule.entries] if rules else []
    told = [(id, e) for id, e in uses if e.template == template and bool(e.post) == room(form)]
    rule, entry = told[0] if told else ("sample", None)
    read = words.variables_of(template, form, locale=None, file="body.txt")
    role = "room" if room(form) else ((entry and entry.to) or usual_role(read)).partition(":")[0]
    unread = UNTOLD.keys() - read | ({ITEMS, MORE} if read.intersection(ITEM_GROUPS) else set())
    description = rules.by_id[rule].description if rules and told else None
    values = sample_for(role, rule, description) | {name: UNTOLD[name] for name in unread}
    address = "ada@example.org" if role == "learner" else "grace@example.org"
    name = values["recipient"]["name"]
    return PreviewOccasion(form, values, name, address=address, fits=taken_by(entry, chosen))


def usual_role(read: frozenset[str]) -> str:
    """Say whom a template that no rule names is for, by what it reads."""
    if read.intersection(("letter", "channel")) or not read.intersection((*ITEM_GROUPS, ITEMS)):
        return "group"
    lists = ITEMS in read and not read.intersection(ITEM_GROUPS)
    return "manager" if lists or "learner" in read else "learner"


def room(form: str) -> bool:
    """Say whether a form is for rooms, and for nobody in particular."""
    return form == "chat"


class NotificationReader:
    """Look notifications up in the ledger of an installation; nothing is recorded."""

    def __init__(self, ledger: Store, chosen: Settings) -> None:
        store = event_store(ledger)
        self._chosen = chosen
        heard, asides = Letters(ledger).feeds.heard, SetAsideQuery(ledger).of
        self._streams = NotificationStreams(store, chosen.timings, heard=heard, asides=asides)
        courses = Courses(ledger, chosen.course_urls)
        self._lookup = Lookup(store, People(ledger), courses, timings=chosen.timings)
        self._domain = chosen.mail_domain or WITHOUT_DOMAIN

    def occasion(self, id: str, rules: RuleSet | None, now: int) -> PreviewOccasion:
        """Find what a delivery at `now` (ms UTC) would tell whom, as the log and the people are.

        Its values are read from the ledger when the words ask for them.
        """
        found = self._streams.notifications([id])
        if not found:
            fail(f"{id}: no such notification; `coursebell notifications list` shows them")
        others = self._streams.notifications(found[0].speaks_for)
        subjects = self._streams.subjects([*found, *others])
        entries = [e for rule in (rules.rules if rules else ()) for e in rule.entries]
        digests = [e.digest for e in entries if e.key == found[0].owed.entry and e.digest]
        most = digests[0].max_items if digests else ITEMS_MAX
        lead, *named = [(n, self._due(n, subjects, now, most)) for n in (*found, *others)]
        defaults = MessageDefaults(self._domain, sent_at=self._streams.sent_at)
        if rules:
            defaults = replace(defaults, timezone=rules.defaults.timezone, rules=rules.by_id)
        person, entry = lead[1].recipient, lead[1].entry
        return PreviewOccasion(
            "chat" if entry.post else "email",
            values_of(plan.PlannedMessage(*lead, named), defaults),
            person.name if person else None,
            address=(person.email if person else None) or NOBODY,
            fits=taken_by(entry, self._chosen),
        )

    def _due(
        self, notification: Notification, subjects: Mapping[str, Subject], now: int, most: int
    ) -> Due:
        owed = notification.owed
        subject = subjects.get(notification.id)
        if subject is None:
            fail(f"{notification.id}: the ledger knows nothing any more of what it is about")
        reading = Item(owed, subject).reading(self._lookup, now)
        post = owed.channel if owed.recipient.startswith(ROOM) else None
        found = find_reader(owed.recipient, reading.learner, self._lookup)
        person = found.person
        items = [item.reading(self._lookup, now) for item in subject.items]
        digest = Digest("day", 0, max_items=most) if items else None
        entry = Entry(owed.recipient, owed.channel, post, owed.template, digest=digest)
        return Due(entry, reading, items, person)


def forms_of(
    words: Templates,
    template: str,
    wanted: str | None,
    real: Callable[[str], PreviewOccasion] | None,
) -> list[str]:
    """Choose the forms to show: the wanted one, or the one a notification leaves as, or all."""
    has = [form for form in FORMS if form in words.forms[template]]
    if wanted is not None and wanted not in has:
        fail(f"{template}: expected a template with the form {wanted}, got one with {listed(has)}")
    if wanted is None and real is not None:
        wanted = real("").form
    return [wanted] if wanted in has else has


def pages_of(
    words: Templates,
    template: str,
    forms: Iterable[str],
    locale: str | None,
    tell: Callable[[str], PreviewOccasion],
) -> Iterator[PreviewPage]:
    """Render each form in each locale; end with what a template cannot do."""
    for form in forms:
        occasion = tell(form)
        for each in words.locales(template, form, locale):
            wording = Wording(words, template, form, locale=each)
            try:
                message = fitting(wording, occasion.values, occasion.fits)
            except TemplateProblem as problem:
                refuse([str(problem)])
            yield PreviewPage(template, form, each, message, occasion, brand=words.brand)
