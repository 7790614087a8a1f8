"""Rule files under fuzz: a good one with everything in it, some of it in other places."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from service.rules.fields import FIELDS
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.language.yaml_reader import read_document
from tests.reliability.fuzz.target import Check, Target, bounded
from tests.rules.language.mutations import GOOD, VALUES
from tests.rules.language.rule_files import TEMPLATES

WHOLE = json.loads(json.dumps(read_document(GOOD).data))
ODD: list[Any] = [
    *VALUES.values(), "", " ", "~", "0d", "7d", "-1h", "P1D", "24:00", "25:99", "2026-02-30",
    1e308, -1, 10**30, True, "true", "${X}", "${X", "a://b", "{{ x }}", "\u202eabc", "é" * 300,
    "x" * 5_000, [[[]]], {"": ""}, {"any": [{"any": []}]}, *FIELDS, "learner.fields.",
    "enrollment.completed",
]  # fmt: skip
SCRAPS = ["\t", "- ", "? ", ": ", "&a ", "*a ", "!!python/x ", "<<: ", "|", ">", "'", '"', "{", "[",
          "#", "%YAML 9.9", "---\n", "...\n", "\0", "\ufeff", "\x85", "\r", " " * 40]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every box with every key of it."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


PARTS = [copy.deepcopy(box[key]) for box, key in places(WHOLE)]
KEYS = sorted({key for _, key in places(WHOLE) if isinstance(key, str)})
FITTING = {k: [copy.deepcopy(box[key]) for box, key in places(WHOLE) if key == k] for k in KEYS}
"""What stands under a key, and so may under the same key elsewhere."""


@st.composite
def texts(draw: st.DrawFn) -> str:
    data = copy.deepcopy(WHOLE)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 5]))):
        box, key = draw(st.sampled_from(list(places(data)) or [(data, "rules")]))
        fitting = st.sampled_from(FITTING.get(key, PARTS))
        value = draw(st.one_of(fitting, fitting, st.sampled_from(PARTS), st.sampled_from(ODD)))
        value = copy.deepcopy(value)
        how = draw(st.sampled_from(["other", "other", "moved", "gone"]))
        if how == "gone" and isinstance(box, dict):
            box.pop(key, None)
        elif how == "moved" and isinstance(box, dict):
            box[draw(st.sampled_from(KEYS))] = value
        else:
            box[key] = value
    text = draw(st.sampled_from([json.dumps, yaml.safe_dump]))(data)
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(text)))
        upto = draw(st.integers(at, min(len(text), at + 30)))
        text = text[:at] + draw(st.sampled_from(SCRAPS)) + text[upto:]
    return text


def check(text: str) -> str:
    """It is read, or refused with what is wrong and where."""
    with bounded():
        rules, problems = read_rules(
            text.encode("utf-8", "surrogatepass"), environ={}, installed=Installed(TEMPLATES)
        )
    said = [str(problem) for problem in problems]
    assert rules is not None or said, "refused without a reason"
    assert all(len(each) < 1_000 for each in said), max(said, key=len)
    return "kept" if rules is not None else "refused"


@contextmanager
def opened(folder: Path) -> Iterator[Check]:
    yield check


RULES = Target("rule files", texts(), opened)
