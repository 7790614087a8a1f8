"""Run `coursebell channels`: list the channels of the rule file, and try one out."""

import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import rich_click as click
from msgspec.structs import replace

from service.app.active_rules import read_files_of
from service.app.app import SOURCES
from service.app.ways_out import open_way, way_in_words
from service.cli.options.installation import installation_if_any
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    fail_with,
    json_option,
    print_json,
    print_table,
    printable,
)
from service.learners.feed_subjects import NOBODY
from service.rules.rule import RuleSet
from service.rules.text import hint
from service.sending.channel_health import ADVICE, trouble_of
from service.sending.channels import (
    CHAT,
    DRAWER,
    MAIL,
    Channel,
    ChannelError,
    OutgoingMessage,
    SendResult,
    channel_kind,
    overheard,
)
from service.sending.channels.mime import AddressRefused, mailbox
from service.sending.delivery_pool import WITHOUT_DOMAIN
from service.sending.known_channels import turned_to_drawer
from service.sending.templates.templates import RenderedMessage
from service.settings import Settings


@click.group()
def channels() -> None:
    """List the channels of the rule file, and try one out."""


@channels.command("list")
@data_option
@rule_file_options
@json_option
def list_channels(data: Path | None, given: RuleFiles, as_json: bool) -> None:
    """List each channel with where it leads."""
    chosen = given.settings(data)
    rules = _rules(chosen)
    ways = {name: _way(name, url, chosen) for name, url in rules.channels.items()}
    ways |= dict.fromkeys(_held(rules, chosen), "nowhere, it is held: `coursebell check` says why")
    found = list(ways.items())
    if as_json:
        print_json({"items": [{"name": name, "leads_to": way} for name, way in found]})
        return
    print_table(["Channel", "Leads to"], found)


@channels.command("test")
@click.argument("name")
@click.option("--to", "address", help="The address a test mail goes to; not for a chat.")
@data_option
@rule_file_options
@json_option
def test_channel(
    name: str, address: str | None, data: Path | None, given: RuleFiles, as_json: bool
) -> None:
    """Send one test message by a channel, and show each step and the server's own words.

    It leaves as the service would send it, beside a running one too, and nothing is recorded.
    Exits with 0 when it was accepted, 1 when it was not, 2 when it cannot be tried.
    """
    chosen = given.settings(data)
    rules = _rules(chosen)
    url = _url_of(name, rules.channels)
    if words := _held(rules, chosen).get(name):
        fail(words)
    _check_address(name, channel_kind(url), address)
    steps = _Steps(aloud=not as_json)
    steps(f"{name}: {_way(name, url, chosen)}")
    with closing(_opened(name, url, chosen)) as channel:
        plain = _message(name, address, chosen.mail_domain or channel.domain)
        outgoing = replace(plain, sender=rules.brand.sender, reply_to=rules.brand.reply_to)
        begun = time.monotonic()
        with overheard(steps):
            result = channel.send(outgoing)
        took = time.monotonic() - begun
    file = _file_of(outgoing, chosen) if channel_kind(url) == DRAWER else ""
    found = _told(result, next_step(channel_kind(url), result) or file)
    found |= {"channel": name, "seconds": round(took, 2), "steps": steps.said}
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise SystemExit(0 if result.kind == "accepted" else BAD)


class _Steps:
    """Gather what is said on the way, and say it at once when `aloud`."""

    def __init__(self, *, aloud: bool) -> None:
        self._aloud = aloud
        self.said: list[str] = []

    def __call__(self, words: str) -> None:
        self.said += map(printable, words.splitlines())
        if self._aloud:
            for line in words.splitlines():
                click.echo(printable(line))


def _rules(chosen: Settings) -> RuleSet:
    """Read the channels of the rule file; end the command when it has mistakes."""
    rules, problems, _ = read_files_of(chosen, SOURCES, chosen.rules.name)
    mistakes = [str(each) for each in problems if each.severity == "error"]
    if rules is None or mistakes:
        fail_with(mistakes)
    return rules


def _held(rules: RuleSet, chosen: Settings) -> Mapping[str, str]:
    """Say which channels of the installation, if there is one, would turn to the drawer."""
    with installation_if_any(chosen.ledger) as office:
        return turned_to_drawer(rules, office.store.latest) if office else {}


def _url_of(name: str, urls: Mapping[str, str]) -> str:
    if name not in urls:
        known = f"{', '.join(urls)}{hint(name, urls)}"
        fail(f"channels test: expected a channel of the rule file, got another: {known}")
    return urls[name]


def _check_address(name: str, kind: str, address: str | None) -> None:
    if kind == MAIL and not address:
        fail(f"channels test: {name} is mail: expected --to and the address to try, got none")
    if kind == CHAT and address:
        fail(
            f"channels test: {name} is a chat, whose URL names its room: expected no --to, got one"
        )
    try:
        if address:
            mailbox(address)
    except AddressRefused as refused:
        fail(f"channels test: --to: {refused}")


def _way(name: str, url: str, chosen: Settings) -> str:
    try:
        return way_in_words(name, url, chosen)
    except ChannelError as error:
        fail(str(error))


def _opened(name: str, url: str, chosen: Settings) -> Channel:
    try:
        return open_way(name, url, chosen)
    except ChannelError as error:
        fail(str(error))


def _message(name: str, address: str | None, domain: str | None) -> OutgoingMessage:
    now = datetime.now(UTC)
    words = (
        f"This is a test of the channel '{name}', sent by hand with `coursebell channels test`. "
        "Nothing has happened, and nothing is to be done.\n"
    )
    return OutgoingMessage(
        notification=f"test-{now:%Y%m%dT%H%M%S}",
        message_id=f"<test-{uuid4().hex}@{domain or WITHOUT_DOMAIN}>",
        address=address,
        name=None,
        message=RenderedMessage("Test of Coursebell", words, None),
        sent_at=now,
    )


def _file_of(outgoing: OutgoingMessage, chosen: Settings) -> str:
    found = chosen.drawer.glob(f"{outgoing.notification}-*")
    return "".join(f"it lies in {path}" for path in found)


def _told(result: SendResult, step: str) -> dict[str, object]:
    """Describe what became of it, for people and for programs."""
    return {
        "outcome": result.kind,
        "code": result.code,
        "status": result.status,
        "text": result.text,
        "next": step,
    }


def _print(found: Mapping[str, object]) -> None:
    codes = " ".join(str(found[name]) for name in ("code", "status") if found[name])
    click.echo(f"{found['outcome']} after {found['seconds']} s{codes and f', {codes}'}")
    for words in filter(None, (found["text"], found["next"])):
        click.echo(printable(f"  {words}"))


def next_step(kind: str, result: SendResult) -> str:
    """Say what to do about an outcome; nothing for what a room or the drawer took."""
    if result.kind == "accepted":
        return "it was taken; if it is not in the mailbox, look for spam" if kind == MAIL else ""
    if kind == MAIL and result.kind == "permanent":
        return "the address is refused: try another, and read the server's words above"
    trouble = trouble_of(result, room=kind != MAIL)
    return "read the server's words; try again" if trouble == NOBODY else ADVICE[trouble]
