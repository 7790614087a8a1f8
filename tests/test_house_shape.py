"""Hold the shape of the house: rooms, names, kinds and parameters, as ratchets.

What is listed with a reason is an exception; every number is today's, and may only fall.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.test_house import SERVICE, functions_of, imports_of, name_of, tree_of

FEWEST_LINES = 40
LINES_OF_ITS_OWN = 120
MOST_FILES = 20
MOST_PARAMETERS = 5
MOST_BY_POSITION = 3
MOST_ISINSTANCE = 328
MOST_WITH_MANY_PARAMETERS = 6
MOST_WITH_MANY_VALUES = 165
MOST_FORMAT_SKIPS = 7

SHORT = {
    "service/app/event_types.py": "a list of what the wings store, which no wing may know whole",
}
ALONE = {
    "service/cli/": "a file for each command",
    "service/api/resources/": "a file for each resource",
}
PUBLISHED = "service/api/resources/"
"""Structs here have the names that the OpenAPI document gives them."""
SAME_MODULE = {
    "sandbox": "Jinja's word for what templates run in, and ours for a throw-away installation",
}
WORLD = {
    "course", "person", "manager", "members", "instance", "enrollments_in", "deletion", "watchers",
    "latest", "told_in",
}  # fmt: skip
WORLDS = {"World", "Lookup", "UnitOfWork"}
"""The protocol, and the two that answer it: as the ledger has it, and as a transaction will."""
TABLES = {
    "service/incoming/adobe_api/api_answers.py": "adobe_answers; people and courses, looked into",
    "service/incoming/adobe_api/api_state.py": "adobe_api_state",
    "service/incoming/adobe_api/budget.py": "adobe_requests",
    "service/incoming/adobe_api/report_state.py": "adobe_reports",
    "service/incoming/feeds.py": "feeds",
    "service/incoming/set_aside.py": "letters and set_aside, read",
    "service/incoming/letters.py": "letters, waiting, turns, imported, taken, set_aside, premature",
    "service/incoming/parts.py": "parts; waiting, read",
    "service/incoming/parts_check.py": "parts, letters, waiting and turns, read",
    "service/learners/directory/course_instances.py": "course_instances",
    "service/learners/directory/courses.py": "courses",
    "service/learners/directory/group_lists.py": "people, people_in_groups",
    "service/learners/directory/imports.py": "imports",
    "service/learners/directory/managers.py": "people",
    "service/learners/directory/named_managers.py": "named: whom a file names, while it is read",
    "service/learners/directory/old_spellings.py": "people, people_in_groups, contacts",
    "service/learners/directory/merges.py": "people, and into whom they were merged",
    "service/learners/directory/people.py": "people",
    "service/learners/directory/people_import.py": "people, looked into for who is missing",
    "service/learners/directory/people_table.py": "people, people_in_groups",
    "service/learners/directory/reported.py": "contacts, course_names",
    "service/learners/directory/zone_codes.py": "zone_codes",
    "service/learners/directory/tables/seen_rows.py": "seen, in a file while one is read",
    "service/learners/neighbours.py": "stored_events, looked into for what stands side by side",
    "service/learners/enrollment_views.py": "enrollments, instances: views",
    "service/ledger/migration/copying.py": "any: all that are moved",
    "service/ledger/migration/table_shape.py": "any: all that are moved",
    "service/ledger/postgresql/portable_sql.py": "none: what is written otherwise for PostgreSQL",
    "service/ledger/sql.py": "any: how a row is added or brought up to date",
    "service/ledger/sqlite/database.py": "how a file is opened, and its version",
    "service/ledger/sqlite/high_water.py": "how far stored_events, letters and the views come",
    "service/ledger/sqlite/sqlite_move.py": "any: all that are moved",
    "service/ledger/sqlite/sqlite_store.py": "stored_events, erasable",
    "service/ledger/table_shapes.py": "any: which columns a table lacks",
    "service/ledger/postgresql/connections.py": "what a session is held to",
    "service/ledger/postgresql/lanes.py": "shards: who writes in which lane",
    "service/ledger/postgresql/log_reader.py": "events, commits, erasable, read",
    "service/ledger/postgresql/postgres_store.py": "head, read",
    "service/ledger/postgresql/postgres_move.py": "head, events, commits of a log that is moved",
    "service/ledger/postgresql/shares.py": "shards: who decides for which",
    "service/ledger/postgresql/tables.py": "the tables of the log, and those of the wings",
    "service/ledger/postgresql/transactions.py": "events, erasable, head, commits, written",
    "service/ledger/views.py": "the position of the views",
    "service/rules/explain/history.py": "stored_events, looked into for a moment in the past",
    "service/sending/counts.py": "notifications, looked into for counts",
    "service/sending/queue.py": "notifications: a view",
}
"""Who writes SQL, and of which tables."""

MODULES = {
    name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
    for path in SERVICE
}
ROOMS = [path for path in SERVICE if path.name not in ("__init__.py", "__main__.py")]
OUTSIDE = ("service/cli/", "service/api/")
"""Handlers of commands and requests are named by what they answer to."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    return ((path, tree_of(path)) for path in SERVICE)


def lines_of(path: Path) -> int:
    return path.read_text().count("\n")


def importers() -> dict[Path, set[Path]]:
    """Name the files that import each file."""
    found: dict[Path, set[Path]] = defaultdict(set)
    for path in SERVICE:
        for _, module in imports_of(path):
            if module in MODULES:
                found[MODULES[module]].add(path)
    return found


def classes() -> Iterator[tuple[str, Path, ast.ClassDef]]:
    for path, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                yield node.name, path, node


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node


def name_called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count what a caller gives, by position or by name."""
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")])


def test_a_file_is_long_enough_to_open():
    short = {name_of(path) for path in ROOMS if lines_of(path) < FEWEST_LINES}
    assert short == set(SHORT), "fold it into its neighbour, or say why it stands alone"


def test_a_chapter_is_no_file():
    """A small file that one neighbour alone imports belongs into that neighbour."""
    chapters = [
        name_of(path)
        for path, users in importers().items()
        if len(users) == 1
        and lines_of(path) <= LINES_OF_ITS_OWN
        and path in ROOMS
        and next(iter(users)).parent == path.parent
        and next(iter(users)).name != "__init__.py"
        and not name_of(path).startswith(tuple(ALONE))
    ]
    assert chapters == [], "fold it into the file that imports it"


def test_a_folder_is_seen_at_a_glance():
    folders = Counter(path.parent for path in ROOMS)
    full = {name_of(folder): n for folder, n in folders.items() if n > MOST_FILES}
    assert full == {}, "give a thing of its own a folder"


def test_a_class_name_stands_once():
    found = Counter(name for name, path, _ in classes() if not name_of(path).startswith(PUBLISHED))
    assert [name for name, count in found.items() if count > 1] == []


def test_a_function_name_stands_for_one_thing():
    found = Counter(
        node.name
        for path, tree in trees()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not name_of(path).startswith(OUTSIDE)
    )
    assert [name for name, count in found.items() if count > 2] == []


def test_a_module_name_stands_once():
    outside = ("service/cli/", "service/api/resources/")
    found = Counter(path.stem for path in ROOMS if not name_of(path).startswith(outside))
    assert {name for name, count in found.items() if count > 1} == set(SAME_MODULE)


def test_only_triggers_know_their_kinds():
    asked = re.compile(r"isinstance\([^)]*Trigger\b")
    found = [name_of(p) for p in SERVICE if asked.search(p.read_text())]
    assert all(name.startswith("service/rules/triggers/") for name in found), found


def test_a_kind_is_asked_for_seldom():
    assert sum(name_called(call) == "isinstance" for _, call in calls()) <= MOST_ISINSTANCE


def test_sql_stands_where_a_table_is_owned():
    sql = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|CREATE TABLE)\b")
    found = {
        name_of(path)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value)
    }
    assert found == set(TABLES), "ask the module that owns the table"


def test_a_call_is_read_without_counting():
    ours = {f.name for path in SERVICE for f in functions_of(path)} | {n for n, *_ in classes()}
    many = [call for _, call in calls() if name_called(call) in ours and len(call.args) > 3]
    assert len(many) <= MOST_WITH_MANY_VALUES
    wide = [f for path in SERVICE for f in functions_of(path) if parameters(f) > MOST_PARAMETERS]
    assert len(wide) <= MOST_WITH_MANY_PARAMETERS
    skips = sum(path.read_text().count("fmt: skip") for path in SERVICE)
    assert skips <= MOST_FORMAT_SKIPS


def test_two_worlds_answer_what_rules_ask():
    found = {
        name
        for name, _, node in classes()
        if {each.name for each in node.body if isinstance(each, ast.FunctionDef)} >= WORLD
    }
    assert found <= WORLDS


def test_nobody_but_its_command_knows_the_demo():
    users = {
        name_of(path)
        for path in SERVICE
        for _, module in imports_of(path)
        if module.startswith("service.demo") and not name_of(path).startswith("service/demo/")
    }
    assert users <= {"service/cli/demo.py", "service/cli/output/demo_page.py"}


def test_a_docstring_begins_with_a_verb():
    """Whether, what and the are no verbs: they begin half a sentence."""
    begins = re.compile(r"(A|An|The|This|Whether|What|When|Who|How|Why|Where|Every|Each|Those)\b")
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                words = ast.get_docstring(node)
                if words and begins.match(words):
                    found.append(f"{name_of(path)}: {words.splitlines()[0]}")
    assert found == [], "\n".join(found)
