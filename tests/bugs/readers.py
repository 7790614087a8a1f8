"""Deliberate bugs about what readers chose."""

from tests.bugs.bug import Bug

READERS = (
    Bug(
        3, "tell who has stopped it", "service/rules/verdict.py",
        "    if stopped := choices.refuses(case.rule):\n",
        "    if stopped := choices.back_on and choices.refuses(case.rule):\n",
        "tests/sending/test_reader_choices.py",
    ),
    Bug(
        3, "what is required can be stopped", "service/rules/readers/choices.py",
        "        if rule.required:\n            return None\n", "",
        "tests/sending/test_reader_choices.py",
    ),
    Bug(
        3, "age while its reader is away", "service/rules/verdict.py",
        "    ready_at = max(case.notification.ready_at, case.follows)\n",
        "    ready_at = case.notification.ready_at\n", "tests/sending/test_reader_choices.py",
    ),
    Bug(
        3, "let wait on what its reader wants sooner by now", "service/rules/readers/put_off.py",
        "    return found if found.until < notification.due_at else None\n", "    return None\n",
        "tests/sending/test_second_look.py",
    ),
    Bug(
        3, "a choice after the claim comes too late", "service/sending/planner.py",
        "        return [stream] if stream else []\n", "        return []\n",
        "tests/sending/test_reader_choices.py",
    ),
    Bug(
        3, "a link opens what another address chose", "service/api/pages/choices_page.py",
        "    if not links.choices.is_of(visit.link, reader.email):\n",
        "    if not visit.link.address:\n", "tests/api/test_choices_page.py",
    ),
    Bug(
        3, "whoever opens the link stops it", "service/api/pages/choices_page.py",
        "    return shown.seen() if visit.action is None else shown.changed(visit.action)\n",
        "    return shown.changed(visit.action or ONE_CLICK)\n", "tests/api/test_choices_page.py",
    ),
    Bug(
        4, "a backtest tells who had stopped it", "service/simulation/backtest/replay.py",
        "            play.world.memory[stream] = (version, event)\n", "            pass\n",
        "tests/simulation/test_backtest_choices.py",
    ),
)  # fmt: skip
