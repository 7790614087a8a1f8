"""The laws of the house: sizes, floors, words, and a map that matches the disk."""

import ast
import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SERVICE = sorted((ROOT / "service").rglob("*.py"))
OTHERS = [path for folder in ("bench", "tests") for path in (ROOT / folder).rglob("*.py")]
PYTHON = [*SERVICE, *sorted(OTHERS)]

FILE_LINES = 350
FUNCTION_LINES = 50
SHORT_FUNCTION_LINES = 15
SHORT_FUNCTIONS_SHARE = 0.75

WINGS = {
    "ledger": set(),
    "network": set(),
    "learners": {"ledger"},
    "rules": {"ledger", "learners"},
    "sending": {"ledger", "network", "learners", "rules"},
    "incoming": {"ledger", "network", "learners"},
}
TOP = {"app", "api", "cli", "running", "demo", "simulation", "settings", "__main__"}
ROOMS = {
    "apprise": ["service/sending/channels/"],
    "babel": ["service/learners/directory/languages.py", "service/sending/templates/"],
    "jinja2": ["service/sending/", "service/api/pages/"],
    "starlette": ["service/api/", "service/incoming/webhook.py"],
    "uvicorn": ["service/incoming/http_protocol.py", "service/cli/", "service/demo/"],
    "yaml": ["service/rules/"],
    "sqlite3": ["service/ledger/"],
    "psycopg": ["service/ledger/"],
    "sqlite_utils": ["service/ledger/", "service/learners/", "service/sending/queue.py"],
    "eventsourcing": [
        "service/ledger/",
        "service/learners/",
        "service/incoming/intake.py",
        "service/sending/",
    ],
    "rich": ["service/cli/", "service/demo/"],
    "rich_click": ["service/cli/", "service/demo/"],
    "prometheus_client": ["service/api/"],
    "pydantic": ["service/rules/"],
    "requests": [
        "service/network/",
        "service/sending/channels/",
        "service/incoming/adobe_api/",
    ],
    "smtplib": ["service/network/", "service/sending/channels/"],
    "confluent_kafka": ["service/incoming/queues/kafka"],
    "azure": ["service/incoming/queues/service_bus.py"],
}
"""Each library has one room: where it may be imported."""

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "models", "types"}
BANNED_WORDS = {
    r"\benrolments?_": "enrollment in code and keys",
    r"\bTODO\b|\bFIXME\b|\bXXX\b": "a finished thing, or an issue",
    r"\bsimply\b": "nothing",
    r"\bwhitelist|\bblacklist": "allow-list, suppression list",
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def every(paths: Sequence[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Holds a law to each of the files, in one test that names all that break it."""

    def held(law: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            found = [f"{name_of(path)}: {why}" for path in paths if (why := broken(law, path))]
            assert not found, "\n".join(found)

        test.__name__, test.__doc__ = law.__name__, law.__doc__
        return test

    return held


def broken(law: Callable[[Path], None], path: Path) -> str:
    """How a file breaks a law; nothing when it does not."""
    try:
        law(path)
    except AssertionError as error:
        return str(error) or "breaks it"
    return ""


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Every module a file imports, with the line."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: imports are written in full"
            found += [(node.lineno, module_of(node.module or "", a.name)) for a in node.names]
    return found


def module_of(package: str, name: str) -> str:
    """What `from package import name` imports: a module of ours, or something in one."""
    inner = ROOT / f"{package.replace('.', '/')}/{name}.py"
    return f"{package}.{name}" if inner.exists() else package


def functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = tree_of(path)
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@every(PYTHON)
def test_a_file_is_short_and_says_what_it_is_for(path):
    lines = path.read_text().count("\n")
    assert lines <= FILE_LINES, f"{name_of(path)} has {lines} lines; split it by its nouns"
    text = path.read_text()
    assert not text or ast.get_docstring(ast.parse(text)), f"{name_of(path)}: no docstring"
    assert path.stem not in FORBIDDEN_NAMES, f"{name_of(path)}: name it by what is in it"


@every(PYTHON)
def test_a_function_fits_on_a_screen(path):
    long = [f"{f.name} ({lines_of(f)})" for f in functions_of(path) if lines_of(f) > FUNCTION_LINES]
    assert not long, f"{name_of(path)}: {', '.join(long)} have more than {FUNCTION_LINES} lines"


def test_most_functions_are_short():
    lengths = [lines_of(f) for path in SERVICE for f in functions_of(path)]
    short = sum(length <= SHORT_FUNCTION_LINES for length in lengths) / len(lengths)
    assert short >= SHORT_FUNCTIONS_SHARE, f"only {short:.0%} have at most 15 lines"


@every(SERVICE)
def test_nothing_is_imported_late_or_for_types_only(path):
    tree = tree_of(path)
    assert "TYPE_CHECKING" not in path.read_text()
    for function in functions_of(path):
        late = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not late, f"{name_of(path)}:{late[0].lineno}: imported inside {function.name}()"
    assert tree


@every(SERVICE)
def test_a_wing_imports_only_wings_below_it(path):
    wing = path.relative_to(ROOT / "service").parts[0].removesuffix(".py")
    for line, module in imports_of(path):
        if not module.startswith("service."):
            continue
        other = module.split(".")[1]
        allowed = other == wing or wing in TOP or other in WINGS.get(wing, set())
        assert allowed, f"{name_of(path)}:{line}: {wing} must not import {other}"


@every(SERVICE)
def test_a_library_is_imported_only_in_its_room(path):
    for line, module in imports_of(path):
        rooms = ROOMS.get(module.split(".")[0])
        fits = rooms is None or any(name_of(path).startswith(room) for room in rooms)
        assert fits, f"{name_of(path)}:{line}: {module} belongs in {', '.join(rooms or [])}"


def test_modules_import_each_other_without_a_cycle():
    graph = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): {
            module for _, module in imports_of(path) if module.startswith("service")
        }
        for path in SERVICE
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a cycle: {' -> '.join((*trail, module))}"
        if module in done:
            return
        for other in graph.get(module, ()):
            visit(other, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_below_the_app_nobody_reads_the_wall_clock():
    clocks = re.compile(r"time\.time\(|time_ns\(|datetime\.now\(|utcnow\(|from time import time\b")
    for path in SERVICE:
        if path.relative_to(ROOT / "service").parts[0] in WINGS:
            found = clocks.search(path.read_text())
            assert not found, f"{name_of(path)}: reads a clock; take `now` as an argument"


@every(PYTHON)
def test_no_banned_word_stands_in_the_code(path):
    if path.name == "test_house.py":
        return
    for pattern, instead in BANNED_WORDS.items():
        found = re.search(pattern, path.read_text())
        assert not found, f"{name_of(path)}: {found and found.group()!r}; write {instead}"


def test_the_readme_map_is_the_tree():
    """Every folder and top-level file of the service is in the map, and nothing else is."""
    readme = (ROOT / "README.md").read_text()
    block = readme.split("<!-- map -->")[1].split("```")[1]
    mapped = set(re.findall(r"^ {2}(\w+(?:/|\.py))", block, re.MULTILINE))
    disk = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "service").iterdir()
        if not path.name.startswith(("__", "."))
    }
    assert mapped == disk


def test_the_version_is_the_newest_in_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[?([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest.group(1) == version
    assert f'__version__ = "{version}"' in (ROOT / "service/__init__.py").read_text()


def test_the_locks_pin_every_package_with_hashes_and_name_no_host():
    for lock in ("requirements.lock", "requirements-dev.lock", ".ci/requirements.lock"):
        text = (ROOT / lock).read_text()
        assert "://" not in text and "index-url" not in text
        pinned = re.findall(r"^(\S+)==", text, re.MULTILINE)
        assert pinned and text.count("--hash=sha256:") >= len(pinned)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=;\[ ]", each)[0] for each in wanted}
    lock = (ROOT / "requirements.lock").read_text()
    assert names <= set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))


def test_the_root_stays_small():
    listed = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    expected = {
        "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
        "bench", "docs", "ops", "pyproject.toml", "requirements-dev.lock", "requirements.lock",
        "rules.yaml", "service", "templates", "tests",
    }  # fmt: skip
    assert listed - {"data", "dist"} <= expected


def test_every_link_in_the_documents_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target} is not there"
