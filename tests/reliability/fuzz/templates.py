"""Templates under fuzz: made of the words that are allowed, and of some that are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from service.rules.fields import FIELDS
from service.sending.templates.sample import SAMPLE
from service.sending.templates.sandbox import PLAIN_FILTERS, PLAIN_TESTS, TEXT_FILTERS
from service.sending.templates.templates import Templates
from tests.reliability.fuzz.target import Check, Target, bounded

OWN = "count date datetime join length percent round"
FILTERS = [*PLAIN_FILTERS.split(), *TEXT_FILTERS.split(), *OWN.split()]
SIGNS = ["+", "-", "*", "/", "~", "==", "<", "in", "and", "or"]
TESTS = [*PLAIN_TESTS.split(), "known"]
NAMES = [*FIELDS, "others", "items", "item", "other", "other.course.title", "item.event.at", "x",
         "loop.index", "loop", "learner", "course.tags[0]", "learner.fields['x y']"]  # fmt: skip
STRANGE = [
    "range(9)",
    "self",
    "''.__class__",
    "course.__init__",
    "x.y.z",
    "config",
    "cycler",
    "1/0",
]
SCALARS = [
    "1",
    "-1",
    "0",
    "1.5",
    "10**9",
    "'a'",
    "''",
    "none",
    "true",
    "[]",
    "{}",
    "'é\u202e'",
    "9" * 40,
]
TEXTS = ["Hello ", "\n", "<b>", "</b>", "<style>b{color:red}</style>",
         "&", "\u202e", "\x07", "é", ".\n.\n", "-- \n", " " * 200, "x" * 500]  # fmt: skip


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Longer expressions of shorter ones."""
    return st.one_of(
        st.builds("{}|{}".format, inner, st.sampled_from(FILTERS)),
        st.builds("({} {} {})".format, inner, st.sampled_from(SIGNS), inner),
        st.builds("({} is {})".format, inner, st.sampled_from(TESTS)),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
    )


expressions = st.recursive(
    st.sampled_from([*NAMES * 4, *SCALARS, *STRANGE]), grown, max_leaves=4
)  # fmt: skip


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Longer templates of shorter ones."""
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expressions, inner, inner),
        st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, expressions, inner),
        st.builds("{{% set x = {} %}}{}".format, expressions, inner),
        st.builds("{{% set x %}}{}{{% endset %}}{{{{ x }}}}".format, inner),
    )


sources = st.recursive(
    expressions.map("{{{{ {} }}}}".format) | st.sampled_from(TEXTS), blocks, max_leaves=4
)
scraps = st.just("") | st.just("") | st.sampled_from(["{#", "#}", "{{", "}}", "{%", "%}", "{% x"])
spoilt = st.builds("{}{}".format, sources, scraps)
files = st.tuples(st.just("Told") | sources, spoilt, st.none() | sources)


@contextmanager
def opened(folder: Path) -> Iterator[Check]:
    place = folder / "note/email"
    place.mkdir(parents=True)

    def check(words: tuple[str, str, str | None]) -> str:
        """They render with all that a message may know and with nothing, or are refused."""
        for name, text in zip(("subject.txt", "body.txt", "body.html"), words, strict=True):
            (place / name).write_text(text or "", encoding="utf-8")
        if words[2] is None:
            (place / "body.html").unlink()
        with bounded():
            templates = Templates(folder)
            problems = templates.problems()
            if problems:
                assert all(f"{place}/" in problem for problem in problems), problems
                return "refused"
            message = templates.render("note", "email", None, SAMPLE)
            templates.render("note", "email", None, {})
        assert "\n" not in message.subject
        return "kept"

    yield check


TEMPLATES = Target("templates of mails", files, opened)
