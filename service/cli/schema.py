"""`coursebell schema`: the rule language for editors, so that they complete and explain it."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import rich_click as click

from service.active import known_sources
from service.app import SOURCES
from service.cli.console import printable, settings
from service.rules.reader import channels_named, intervals_named
from service.rules.schema import schema_of
from service.sending.rendering import Templates

MODELINE = "# yaml-language-server: $schema="


@click.command()
@click.option("--rules", type=click.Path(path_type=Path), help="Rule file.")
@click.option("--templates", type=click.Path(path_type=Path), help="Template folder.")
@click.option("--output", type=click.Path(path_type=Path), help="Write it there, not to stdout.")
def schema(rules: Path | None, templates: Path | None, output: Path | None) -> None:
    """Write the JSON Schema of rule files, for editors.

    It knows the templates, sources and channels as they are now; make it again when they change.
    """
    chosen = settings(RULES=rules, TEMPLATES=templates)
    channels: list[str] = []
    intervals: list[str] = []
    with suppress(FileNotFoundError):  # a schema may come before the first rule file
        written = chosen.rules.read_bytes()
        channels, intervals = channels_named(written), intervals_named(written)
    found = schema_of(
        sources=known_sources(chosen, SOURCES),
        templates=Templates(chosen.templates).forms,
        channels=channels,
        intervals=intervals,
    )
    text = msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    beside = Path(os.path.relpath(output, chosen.rules.parent)).as_posix()
    click.echo(printable(f"{output} is written; begin {chosen.rules} with this line:"))
    click.echo(printable(f"{MODELINE}{beside}"))
