"""Check: how long a rule author waits for `check` on a long file, good or full of mistakes."""

import re
import time
from itertools import count
from statistics import median

import yaml

from bench.site import Site
from bench.table import Row
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules

RULES = 500
AIM_SECONDS = 1.0
WORDS = 100
TEMPLATES = {name: frozenset({"email", "chat"}) for name in
             ("told", *(f"template-{number}" for number in range(WORDS)))}  # fmt: skip
HEAD = """\
version: 1
channels: {email: 'drawer://', room: 'json://h/'}
defaults: {timezone: Europe/Berlin, send_window: office_hours}
time_intervals:
  office_hours: [{weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}]
  mornings:
    - {weekdays: [mon, wed], from: "06:00", until: "12:00"}
    - {weekdays: [sat], from: "08:00", until: "24:00"}
rules:
"""
ABOUT_A_LEARNER = """\
    conditions:
      - course.id: course:%d
      - enrollment.progress: {gte: %d, lt: 100}
      - any:
          - course.tags: {contains_any: [mandatory, safety]}
          - learner.fields.unit: {in: [north, south]}
      - enrollment.started_at: {gte: 2026-03-01}
    collapse: 10m
    cancel_on: [enrollment.progressed, enrollment.completed]
    notify:
      - {to: learner, via: email, template: told}
      - to: manager
        via: email
        template: told
        digest: {every: week, on: mon, at: "08:30", group_by: [course.id], max_items: 20}
    escalation:
      - {after: 7d, to: learner, via: email, template: told, send_window: any}
      - {after: 14d, to: managers_manager, via: email, template: told, send_window: mornings}
"""
ABOUT_NOBODY = """\
    notify:
      - {post: room, template: told, throttle: {max: 1, per: 12h, group_by: [event.source]}}
      - {to: 'group:staff', via: email, template: told}
"""
TRIGGERS = (
    "event: enrollment.completed",
    "stalled_for: 7d, count_from: started",
    "change: instance.seats_available, from: {lte: 0}, to: {gt: 0}, rearm: {gte: 5}",
    "event: enrollment.progressed",
    "source_silent_for: 3h",
)


def measure(site: Site) -> list[Row]:
    """Reads the file as it is, with mistakes in every rule, and with one in what all rules use.

    Where every word is another one, none of the hints can be found twice.
    """
    good = written()
    spoiled = {
        "": good,
        ", two mistakes in each": good.replace("template: told", "template: tolled"),
        ", another mistake in each": "".join(
            f"{line} x{number}\n" if "- id:" in line else f"{line}\n"
            for number, line in enumerate(good.splitlines())
        ),
        ", another misspelt template in each entry": numbered(
            good, "(?<=template: )told", "template-x"
        ),
        ", another misspelt interval in each rule": numbered(
            good, "(?<=send_window: )any", "office_hour"
        ),
        ", another misspelt field in each rule": numbered(good, "course.id(?=: )", "course.ids"),
        ", a mistake in the zone": good.replace("Europe/Berlin", "Europe/Berln"),
    }
    return [timed(site, what, text) for what, text in spoiled.items()]


def numbered(text: str, place: str, word: str) -> str:
    """The text with another word in each place that a pattern finds."""
    numbers = count()
    return re.sub(place, lambda _: f"{word}{next(numbers)}", text)


def written() -> str:
    """Rules of every sort in turn, with conditions where they can have some."""
    text = [HEAD]
    for number in range(RULES):
        trigger = TRIGGERS[number % len(TRIGGERS)]
        text.append(f"  - id: rule-{number}\n    trigger: {{{trigger}}}\n")
        about_a_learner = "enrollment" in trigger or "stalled" in trigger
        about = ABOUT_A_LEARNER % (number, number % 100) if about_a_learner else ABOUT_NOBODY
        text.append(about)
    return "".join(text)


def timed(site: Site, what: str, text: str) -> Row:
    """Seconds to read it, beside what the YAML parser alone takes to make values of it."""
    seconds, floors = [], []
    for _ in range(site.sizes.rounds):
        begun = time.perf_counter()
        yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        parsed = time.perf_counter()
        read_rules(text, environ={}, installed=Installed(TEMPLATES))
        floors.append(parsed - begun)
        seconds.append(time.perf_counter() - parsed)
    return Row(
        what=f"check {RULES} rules, {len(text) // 1024} KiB{what}", unit="s", values=seconds,
        floor="YAML alone:", floors=floors,
        ratios=[a / b for a, b in zip(seconds, floors, strict=True)],
        aim=f"{AIM_SECONDS:g} s", reached=median(seconds) <= AIM_SECONDS,
    )  # fmt: skip
