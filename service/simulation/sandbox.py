"""The stage: the real service in a folder of its own, with a clock we turn by hand."""

import re
from dataclasses import replace
from pathlib import Path

from service.app.app import settings_of
from service.rules.decider import Decider
from service.sending.planner import Active
from service.settings import Settings

ANSWER_SECONDS = 10.0
DRAWER = "drawer://"
VARIABLE = re.compile(rb"\$\{([A-Za-z_]\w*)")


def own_settings(folder: Path, rules: Path, templates: Path) -> Settings:
    """Settings of our own: nothing of the environment, but what the rules name has a value."""
    given = {"DATA": folder, "RULES": rules, "TEMPLATES": templates}
    settings = settings_of({f"COURSEBELL_{name}": str(path) for name, path in given.items()})
    return without_secrets(settings)


def without_secrets(settings: Settings) -> Settings:
    """The same settings with a drawer for every variable that the rule file names."""
    named = (name.decode() for name in VARIABLE.findall(settings.rules.read_bytes()))
    return replace(settings, environment=dict.fromkeys(named, DRAWER))


def in_the_drawer(active: Active) -> Active:
    """The same rules with every channel a drawer, whatever their file says: nothing leaves."""
    rules = active.decider.rules
    drawers = replace(rules, channels=dict.fromkeys(rules.channels, DRAWER))
    return Active(Decider(drawers, active.decider.storm_limit), active.templates)
