"""Editors: the same YAML as the parsers of editors read it, which give values their types."""

import re
from collections.abc import Callable
from typing import Any

import yaml

from service.rules.language.yaml_reader import read_document


class _Core(yaml.SafeLoader):
    """YAML 1.2, core schema: what most editors read."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class _Old(yaml.SafeLoader):
    """YAML 1.1, where `no` is a boolean; dates stay text, as JSON has none."""

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}
for _name, _form in _CORE.items():
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_form})$"), None)
_Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Core.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def _as_json(value: Any) -> Any:
    """Keys are text in JSON, whatever YAML makes of them."""
    if isinstance(value, dict):
        return {str(key): _as_json(inner) for key, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list) else value


EDITORS: dict[str, Callable[[str], Any]] = {
    "text": lambda text: read_document(text).data,
    "YAML 1.2": lambda text: _as_json(yaml.load(text, _Core)),
    "YAML 1.1": lambda text: _as_json(yaml.load(text, _Old)),
}
