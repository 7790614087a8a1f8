"""The planted bugs still apply; `make bugs` shows that each turns the suite red."""

import re

import pytest

from tests.bugs.__main__ import ROOT
from tests.bugs.planted import BUGS


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_applies(bug):
    assert (ROOT / bug.file).read_text().count(bug.old) == 1
    assert bug.old != bug.new
    for path in bug.tests.split():
        assert (ROOT / path).exists()


def test_every_promise_has_a_planted_bug():
    assert {bug.promise for bug in BUGS} == {1, 2, 3, 4, 5}


def test_the_list_is_in_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    listed = re.findall(r"(?m)^\| (\d) \| (.+) \| `(.+)` \|$", text)
    assert sorted(listed) == sorted(
        (str(bug.promise), bug.name, bug.file.removeprefix("service/")) for bug in BUGS
    )
