"""Name the extra columns of the people import as fields: `learner.fields."AF_Country/Region"`.

A column whose name has letters, digits, blanks, `-` and `_` alone needs no quotes.
"""

import re
from functools import lru_cache

from service.learners.text_form import text_form

EXTRA_DOC = "extra column of the people import"
COLUMNS_REMEMBERED = 1_024
_PREFIX = "learner.fields."
_SIMPLE = re.compile(r"\w[\w -]*")
_QUOTED = re.compile(r"""(["'])(?P<column>.*\S.*)\1""")
SCHEMA_PATTERN = r"^learner\.fields\.([\p{L}\p{N}_][\p{L}\p{N}_ -]*|\".*[^\s\"].*\"|'.*[^\s'].*')$"
"""The fields that read columns, for JavaScript."""


@lru_cache(COLUMNS_REMEMBERED)
def column_of(field: str) -> str | None:
    """Give the column that a field reads, in quotes or not; None for what reads none."""
    field = text_form(field)
    if not field.startswith(_PREFIX):
        return None
    name = field.removeprefix(_PREFIX)
    if quoted := _QUOTED.fullmatch(name):
        return text_form(quoted["column"])
    return name if _SIMPLE.fullmatch(name) else None


def field_of(column: str) -> str:
    """Give the one name of the field that reads a column, as conditions and records have it."""
    column = text_form(column)
    if _SIMPLE.fullmatch(column):
        return _PREFIX + column
    return f"{_PREFIX}'{column}'" if '"' in column else f'{_PREFIX}"{column}"'


def meant_by(name: str) -> str | None:
    """Give the field that a column's name without the quotes it needs stands for."""
    column = name.removeprefix(_PREFIX).strip(" \"'“”„‘’")
    return field_of(column) if name.startswith(_PREFIX) and column else None
