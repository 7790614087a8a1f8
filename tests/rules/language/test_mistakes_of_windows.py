"""Mistakes of windows: time intervals, send windows and what expires in them, each told once."""

import pytest

from tests.rules.language.rule_files import HEAD, NOTIFY, problems
from tests.rules.language.test_mistakes_of_entries import STEP, entry, steps

GOOD = HEAD + NOTIFY
INTERVALS = """\
time_intervals:
  office_hours:
    - {weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}
  noon: [{from: "12:00", until: "13:00"}]
"""


def within(defaults: str, text: str = GOOD, intervals: str = INTERVALS) -> str:
    """A file with defaults at line 5 and time intervals after it; its rules begin at line 10."""
    return text.replace("rules:", f"defaults: {{{defaults}}}\n{intervals}rules:", 1)


def interval(text: str, name: str = "noon") -> str:
    return GOOD.replace("rules:", f"time_intervals:\n  {name}: {text}\nrules:", 1)


MISTAKES = {
    "a misspelt interval": (
        within("send_window: ofice_hours"),
        "5:25: no time interval 'ofice_hours'; did you mean 'office_hours'?",
    ),
    "a misspelt interval that is used often": (
        within("timezone: UTC", entry("send_window: nooon") + "    send_window: nooon\n"),
        "13:74: no time interval 'nooon'; did you mean 'noon'? (also at line 14)",
    ),
    "an interval nothing is like": (
        GOOD + "    send_window: weekend\n",
        "9:18: no time interval 'weekend'; there are: any",
    ),
    "an unknown interval of a step": (
        steps(STEP.replace("}", ", send_window: nights}")),
        "10:78: no time interval 'nights'; there are: any",
    ),
    "two intervals": (
        entry("send_window: [a, b]"),
        "8:74: expected one name, got a list; for more, write more entries",
    ),
    "misspelt intervals are not also missing": (
        within("send_window: noon").replace("time_intervals:", "time_interval:"),
        "6:1: unknown key 'time_interval'; did you mean 'time_intervals'?",
    ),
    "an interval without stretches": (interval("[]"), "6:9: 'noon' needs at least one entry"),
    "an interval on no day": (
        interval('[{weekdays: [], from: "12:00", until: "13:00"}]'),
        "6:21: 'weekdays' needs at least one entry",
    ),
    "an interval over midnight": (
        interval('[{from: "22:00", until: "06:00"}]'),
        "6:33: 'until' must be later than 'from'; over midnight write two stretches",
    ),
    "an interval of nothing": (
        interval('[{from: "12:00", until: "12:00"}]'),
        "6:33: 'until' must be later than 'from'; over midnight write two stretches",
    ),
    "a stretch without an end": (
        interval('[{from: "12:00"}]'),
        "6:10: the key 'until' is missing",
    ),
    "a misspelt key of a stretch": (
        interval('[{from: "12:00", untill: "13:00"}]'),
        "6:26: unknown key 'untill'; did you mean 'until'?",
    ),
    "a stretch as text": (
        interval("[12:00-13:00]"),
        "6:10: expected a mapping of 'key: value' lines; got '12:00-13:00'",
    ),
    "a stretch that is not in a list": (
        interval('{from: "12:00", until: "13:00"}'),
        "6:9: expected a list, each item on a line that starts with '- '; got a mapping",
    ),
    "a time of twelve hours": (
        interval('[{from: 8am, until: "13:00"}]'),
        "6:17: expected a time of day like 08:30, got '8am'",
    ),
    "a time without its nought": (
        interval('[{from: "8:00", until: "13:00"}]'),
        "6:17: expected a time of day like 08:30, got '8:00'",
    ),
    "a day that begins when it ends": (
        interval('[{from: "24:00", until: "24:00"}]'),
        "6:17: expected a time of day like 08:30, got '24:00'",
    ),
    "a day that ends too late": (
        interval('[{from: "08:00", until: "24:30"}]'),
        "6:33: expected a time of day like 18:00, 24:00 at most, got '24:30'",
    ),
    "a weekday written out": (
        interval('[{weekdays: [monday], from: "08:00", until: "18:00"}]'),
        (
            "6:22: 'monday' is not allowed here; use mon, tue, wed, thu, fri, sat or sun; "
            "did you mean 'mon'?"
        ),
    ),
    "an interval with a blank": (
        interval('[{from: "08:00", until: "18:00"}]', "office hours"),
        (
            "6:3: an interval's name takes letters, digits, '-' and '_', 63 at most; "
            "got 'office hours'"
        ),
    ),
    "an interval called any": (
        interval('[{from: "08:00", until: "18:00"}]', "any"),
        "6:3: 'any' is any hour of the week; give this part of it another name",
    ),
    "an interval called like a part of pydantic": (
        interval("[{}]", "<person>").replace("{}", '{from: "08:00", until: "18:00"}'),
        "6:3: an interval's name takes letters, digits, '-' and '_', 63 at most; got '<person>'",
    ),
    "a rule that expires while its window is closed": (
        within("send_window: office_hours", GOOD + "    expires_after: 1d\n"),
        (
            "14:20: messages expire after 1d, and 'office_hours' is closed for 2d14h; "
            "write 'expires_after: 2d14h' or more"
        ),
    ),
    "a rule that expires in the longest of its windows": (
        within(
            "send_window: noon",
            steps(STEP, text=entry("send_window: office_hours")) + "    expires_after: 1h\n",
        ),
        (
            "16:20: messages expire after 1h, and 'office_hours' is closed for 2d14h; "
            "write 'expires_after: 2d14h' or more"
        ),
    ),
    "a window that is closed for longer than the defaults allow": (
        within("expires_after: 2d", entry("send_window: office_hours")),
        (
            "13:74: messages expire after 2d, and 'office_hours' is closed for 2d14h; "
            "write 'expires_after: 2d14h' or more"
        ),
    ),
    "defaults that expire while their own window is closed": (
        within(
            "send_window: office_hours, expires_after: 2d",
            GOOD + GOOD.split("rules:\n")[1].replace("id: completed", "id: two"),
        ),
        (
            "5:25: messages expire after 2d, and 'office_hours' is closed for 2d14h; "
            "write 'expires_after: 2d14h' or more"
        ),
    ),
    "a window of a rule that is closed for longer than three days": (
        within("timezone: UTC", GOOD + "    send_window: monday\n").replace(
            'noon: [{from: "12:00"', 'monday: [{weekdays: [mon], from: "12:00"'
        ),
        (
            "14:18: messages expire after 3d, and 'monday' is closed for 6d23h; "
            "write 'expires_after: 6d23h' or more"
        ),
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
