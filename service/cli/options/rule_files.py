"""Choose the rule file and templates a command reads, the same way for every command."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import msgspec
import rich_click as click

from service.cli.output.console import fail, settings
from service.settings import Settings

Command = Callable[..., None]


class RuleFiles(msgspec.Struct, frozen=True):
    """Hold the rule file and the template folder that a command was given; None is not given."""

    rules: Path | None
    templates: Path | None

    def settings(self, data: Path | None = None, **given: object) -> Settings:
        """Read the settings of the environment; what the command was given wins over them."""
        return settings(data, RULES=self.rules, TEMPLATES=self.templates, **given)


rules_option = click.option("--rules", type=click.Path(path_type=Path), help="Rule file.")
templates_option = click.option(
    "--templates", type=click.Path(path_type=Path), help="Template folder."
)
rule_file_argument = click.argument(
    "rule_file", metavar="[FILE]", required=False, type=click.Path(path_type=Path)
)
"""For a command whose one argument is the rule file: FILE is the same as --rules FILE."""


def rule_file_options(command: Command) -> Command:
    """Add --rules and --templates; the command gets both, and FILE, as `given`."""

    @rules_option
    @templates_option
    @wraps(command)
    def run(
        *,
        rules: Path | None,
        templates: Path | None,
        rule_file: Path | None = None,
        **others: object,
    ) -> None:
        if rule_file and rules and rule_file.resolve() != rules.resolve():
            fail(
                f"expected one rule file, got {rule_file} and --rules {rules}; "
                "leave one of them out"
            )
        command(given=RuleFiles(rule_file or rules, templates), **others)

    return run
