"""What is asked of an academy afterwards: explain, lists, backtests, the API and its ledger."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.characterisation.academy import GIVEN, Academy, lived
from tests.characterisation.surface import by_name, printed, typed

QUESTIONS = (
    "done --learner 77", "done --learner 78", "done --learner 79", "done --learner 80",
    "done --course course:8", "strict --learner 77", "strict --learner 78", "strict --learner 80",
    "begun --learner 78", "tried --learner 77", "asleep --learner 77",
    "free --instance course:7_1", "scarce --instance course:7_1", "still --learner 77",
    "still --learner 78", "still --learner 79", "still --learner 80", "late --learner 78",
    "late --learner 80", "quiet --source adobe", "aside --source adobe",
    "done --learner 99", "free --learner 77", "dome --learner 77",
)  # fmt: skip
EARLIER = ("still --learner 80 --at 2026-11-24T09:00Z", "done --learner 77 --at 2026-11-17T09:00Z",
           "scarce --instance course:7_1 --at 2026-11-17T11:30Z",
           "quiet --source adobe --at 2026-12-08T09:00Z")  # fmt: skip
END = "2026-12-14T09:00Z"
LISTS = ("notifications list --limit 1000", "letters list --limit 1000", "letters reasons",
         "people list", "courses list", "mute", "fsck", "watch list course:7_1")  # fmt: skip
PATHS = ("feeds", "letters?limit=100", "letters/1", "enrollments", "instances",
         "notifications?limit=100", "nothing", "letters?limit=x")  # fmt: skip
BACKTESTS = (("new", "FILE"), ("difference", "FILE --against OLD"), ("rule", "FILE --rule still"),
             ("since", "FILE --since 2026-11-20T00:00Z --until 2026-11-30T00:00Z"),
             ("verify", "--verify"))  # fmt: skip
STORED = "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"


def asked(folder: Path) -> Iterator[tuple[str, str]]:
    """Ask everything of one academy that was lived through."""
    with lived(folder) as academy:
        words = ("notifications", "list", "--limit", "1000", "--json")
        rows = json.loads(printed(*words, **academy.environ))["items"]
        ids = [row["id"] for row in reversed(rows)]
        yield from _explained(academy, ids)
        yield from _looked_up(academy, ids)
        yield from _replayed(academy)
        yield from _over_http(academy)
        yield from _stored(academy)


def _command(academy: Academy, words: str) -> str:
    return typed(*words.split(), **academy.environ)


def _explained(academy: Academy, ids: list[str]) -> Iterator[tuple[str, str]]:
    for form, more in (("txt", ""), ("json.txt", " --json")):
        told = [_command(academy, f"explain {id}{more}") for id in ids]
        yield f"explain_notifications.{form}", "\n".join(told)
        questions = [*(f"{each} --at {END}" for each in QUESTIONS), *EARLIER]
        told = [_command(academy, f"explain --rule {each}{more}") for each in questions]
        yield f"explain_rules.{form}", "\n".join(told)


def _looked_up(academy: Academy, ids: list[str]) -> Iterator[tuple[str, str]]:
    shown = [_command(academy, f"notifications show {id} --json") for id in ids]
    yield "notifications_show.json.txt", "\n".join(shown)
    yield "lists.txt", "\n".join(_command(academy, each) for each in LISTS)


def _replayed(academy: Academy) -> Iterator[tuple[str, str]]:
    names = {"FILE": str(GIVEN / "academy_new.yaml"), "OLD": str(GIVEN / "academy.yaml")}
    for name, words in BACKTESTS:
        words = " ".join(names.get(each, each) for each in words.split())
        yield f"backtest_{name}.txt", _command(academy, f"backtest {words}")
        yield f"backtest_{name}.json.txt", _command(academy, f"backtest {words} --json")


def _over_http(academy: Academy) -> Iterator[tuple[str, str]]:
    for path in PATHS:
        found = academy.api.get(f"/api/v1/{path}")
        text = json.dumps(found.json(), indent=2, ensure_ascii=False)
        name = path.partition("?")[0].replace("/", "_").removesuffix(".json")
        yield f"api_{name}{'_wrong' * path.endswith('x')}.json", f"{found.status_code}\n{text}\n"
    whole = academy.api.get("/api/v1/openapi.json").json()
    parts = {**whole.pop("paths"), **whole["components"].pop("schemas")}
    yield "openapi.txt", by_name({**parts, **{f"[{key}]": each for key, each in whole.items()}})
    metrics = academy.api.get("/metrics").text.splitlines()
    ours = [line for line in metrics if line.startswith("#") and " process_" not in line]
    yield "metrics.txt", "\n".join(ours) + "\n"


def _stored(academy: Academy) -> Iterator[tuple[str, str]]:
    """Write out every stored event: stream, version, topic and fields; and each message."""
    with closing(sqlite3.connect(academy.folder / "data" / "ledger.db")) as ledger:
        rows = ledger.execute(STORED).fetchall()
    yield "topics.txt", "\n".join(sorted({topic for _, _, topic, _ in rows})) + "\n"
    lines = [f"{id} {version} {topic} {state.decode()}" for id, version, topic, state in rows]
    yield "ledger.txt", "\n".join(lines) + "\n"
    drawer = sorted((academy.folder / "data" / "drawer").iterdir())
    yield "drawer.txt", "\n".join(f"=== {file.name}\n{file.read_text()}" for file in drawer)
