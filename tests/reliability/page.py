"""The figures of `docs/reliability.md`, from the journal; the words around them are by hand."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from tests.installation import ROOT
from tests.reliability.chaos import HITS
from tests.reliability.failing_calls import ACTIONS
from tests.reliability.faults import FAULTS
from tests.reliability.journal import OK, Journal

PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
POSTGRESQL = "postgresql"
SUMS = ("letters", "refused", "mails", "repeats", "unknown")
CHAOS_SUMS = (*SUMS, "rows", "missing", "surplus")

Round = dict[str, Any]


def write_page(journal: Journal) -> None:
    """Put the figures of all rounds of the journal between the marks."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}{figures(journal.rounds())}{END}{tail}")


def figures(rounds: Sequence[Round]) -> str:
    """The tables: where and when, what was broken and how often, what was tried as input."""
    if not rounds:
        return "\nNo round has been played yet.\n\n"
    fuzzed = [r for r in rounds if r["part"].startswith("fuzz")]
    chaos = [r for r in rounds if r["part"] == POSTGRESQL]
    played = [r for r in rounds if r not in (*fuzzed, *chaos)]
    parts = [(_faults, played), (_chaos, chaos), (_fuzz, fuzzed)]
    told = [tells(some) for tells, some in parts if some]
    tables = [_where(rounds), *told, _bad(rounds)]
    return "".join("\n" + "\n".join(lines) + "\n" for lines in tables) + "\n"


def _where(rounds: Sequence[Round]) -> Iterable[str]:
    days = sorted({r["at"][:10] for r in rounds})
    codes = list(dict.fromkeys(r["code"] for r in rounds))
    hosts = ", ".join(sorted({r["host"] for r in rounds}))
    hours = sum(r.get("seconds", 0) for r in rounds) / 3600
    span = " to ".join(dict.fromkeys((days[0], days[-1])))
    yield f"{span}, {hours:.1f} hours, on {hosts}; code {', '.join(codes)}."


def _faults(rounds: Sequence[Round]) -> Iterable[str]:
    injected, bad = Counter[str](), Counter[str]()
    for each in rounds:
        injected.update(each.get("faults", {}))
        bad.update(each.get("faults", {}) if each["verdict"] != OK else {})
    yield "| fault | what is done | times |"
    yield "|---|---|---|"
    for name, times in sorted(injected.items()):
        yield f"| {name} | {_words(name)} | {times:,} |"
    sums = {name: sum(r.get(name, 0) for r in rounds) for name in SUMS}
    lost = sum(r["verdict"] != OK for r in rounds)
    yield ""
    yield (
        "| rounds | of which bad | letters acknowledged | refused, and posted again | mails | "
        "of which repeats | attempts said `unknown` |"
    )
    yield "|---|---|---|---|---|---|---|"
    yield f"| {len(rounds):,} | {lost:,} | " + " | ".join(f"{sums[n]:,}" for n in SUMS) + " |"


def _chaos(rounds: Sequence[Round]) -> Iterable[str]:
    """Tell of the hits on a fleet, and of the seconds until it went on."""
    hits, took = Counter[str](), defaultdict[str, list[float]](list)
    for each in rounds:
        hits.update(each.get("faults", {}))
        for name, seconds in each.get("took", {}).items():
            took[name] += seconds
    yield "| on PostgreSQL | what is done | times | seconds until work goes on: p50 | most |"
    yield "|---|---|---|---|---|"
    for name, times in sorted(hits.items()):
        measured = [f"{each:.1f}" for each in (median(took[name]), max(took[name]))]
        yield f"| {name} | {HITS[name].words} | {times:,} | {' | '.join(measured)} |"
    sums = {name: sum(r.get(name, 0) for r in rounds) for name in CHAOS_SUMS}
    before, after = (sum(r["rates"][n] for r in rounds if "rates" in r) for n in (0, 1))
    ratio = f"{after / before:.2f}" if before else "–"
    seeds = ", ".join(sorted({str(r["seed"]) for r in rounds}))
    yield ""
    yield (
        "| seed | rounds | hits | letters acknowledged | refused, and posted again | mails | "
        "of which repeats | attempts said `unknown` | rows compared | missing | surplus | "
        "letters taken in a second, after the hits to before |"
    )
    yield "|" + "---|" * 12
    counts = [len(rounds), hits.total(), *sums.values()]
    yield f"| {seeds} | " + " | ".join(f"{n:,}" for n in counts) + f" | {ratio} |"


def _words(name: str) -> str:
    if name in FAULTS:
        return FAULTS[name].words
    action = name.removesuffix(" at a call")
    assert action in ACTIONS, name
    return "a write, an fsync or a send of one letter's life, each once in 32 rounds"


def _fuzz(rounds: Sequence[Round]) -> Iterable[str]:
    yield "| fuzzed | inputs | what became of them |"
    yield "|---|---|---|"
    for part in sorted({r["part"] for r in rounds}):
        mine = [r for r in rounds if r["part"] == part]
        outcomes = Counter[str]()
        for each in mine:
            outcomes.update(each.get("outcomes", {}))
        said = ", ".join(f"{name}: {n:,}" for name, n in sorted(outcomes.items()))
        yield f"| {part.removeprefix('fuzz ')} | {outcomes.total():,} | {said} |"


def _bad(rounds: Sequence[Round]) -> Iterable[str]:
    bad = [r for r in rounds if r["verdict"] != OK]
    yield "No round ended badly." if not bad else "Rounds that ended badly:"
    for each in bad:
        said = each["verdict"].replace("|", "/").splitlines()[0]
        which = f"{each['part']}, seed {each['seed']}, round {each['round']}, {each['code']}"
        yield f"* {which}: {said}"
