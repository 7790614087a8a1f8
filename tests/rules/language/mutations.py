"""Mutations: a good rule file with everything in it, and every small way to spoil it."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from service.rules.language.yaml_reader import read_document

GOOD = """\
version: 1
channels:
  email: drawer://
  room: json://host/
defaults:
  timezone: Europe/Berlin
  expires_after: 3d
  send_window: office_hours
time_intervals:
  office_hours:
    - weekdays: [mon, tue, wed, thu, fri]
      from: "08:00"
      until: "18:00"
    - weekdays: [sat]
      from: "09:00"
      until: "24:00"
  mornings:
    - from: "06:00"
      until: "12:00"
rules:
  - id: completed
    description: Completion
    mode: live
    trigger:
      event: enrollment.completed
    conditions:
      - enrollment.score:
          gte: 80
          lt: 90
      - enrollment.passed: true
      - course.tags:
          contains_any: [a, b]
      - learner.fields.cost center: "7"
      - any:
          - course.kind: course
          - enrollment.started_at:
              gte: 2026-03-01
    collapse: 10m
    cancel_on: [enrollment.progressed]
    on_activate: none
    expires_after: 2d
    notify:
      - to: learner
        via: email
        template: completed
        send_window: any
      - to: managers_manager
        via: email
        template: completed
        digest:
          every: week
          at: "08:30"
          on: fri
          group_by: [course.id, event.account]
          max_items: 30
      - post: room
        template: completed
        throttle:
          max: 2
          per: 12h
          group_by: [instance.id]
  - id: seats
    trigger:
      change: instance.seats_available
      from:
        gte: 1
      to: 0
      rearm:
        gte: 5
    conditions:
      - instance.waitlist_count: 0
    notify:
      - to: watchers
        via: email
        template: completed
      - post: room
        template: completed
  - id: stalled
    trigger:
      stalled_for: 7d
      count_from: started
    on_activate: current
    cancel_on: [enrollment.progressed]
    notify:
      - to: group:staff
        via: email
        template: completed
        digest:
          every: hour
          at: ":30"
    send_window: mornings
    escalation:
      - after: 7d
        to: manager
        via: email
        template: completed
        digest:
          every: day
          at: "07:00"
      - after: 14d
        post: room
        template: completed
        throttle:
          max: 1
          per: 1w
  - id: quiet
    trigger:
      source_silent_for: 3d
    conditions:
      - event.source: adobe
    notify:
      - post: room
        template: completed
"""

VALUES: dict[str, Any] = {
    "a list": ["zz"],
    "an empty list": [],
    "a mapping": {"zz": "q"},
    "an empty mapping": {},
    "nothing": None,
    "another text": "zzjunk",
    "a list of mappings": [{"zz": "q"}],
}

Place = tuple[str | int, ...]


def mutations() -> Iterator[tuple[str, Place, str]]:
    """What was done, where, and the text that came of it."""
    good = read_document(GOOD).data
    for place in _places(good, ()):
        for kind, value in VALUES.items():
            yield kind, place, _changed(good, place, lambda box, key, v=value: {key: v})
        if isinstance(place[-1], str):
            typo = place[-1][:-2] + place[-1][-1]
            yield "a typo", place, _changed(good, place, lambda box, key, t=typo: {t: box[key]})
            yield "a new name", place, _changed(good, place, lambda box, key: {"qqqq": box[key]})
            yield "left out", place, _changed(good, place, lambda box, key: {})


def _places(value: Any, place: Place) -> Iterator[Place]:
    if place:
        yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*place, key))


def _changed(good: Any, place: Place, instead: Any) -> str:
    """The file with other keys and values instead of one key and its value."""
    data = copy.deepcopy(good)
    box = data
    for key in place[:-1]:
        box = box[key]
    last = place[-1]
    if isinstance(box, list):
        box[last] = instead(box, last)[last]
    else:
        items = {k: v for key in list(box) for k, v in _pairs(box, key, last, instead)}
        box.clear()
        box.update(items)
    return json.dumps(data, indent=1)


def _pairs(box: Any, key: Any, changed: Any, instead: Any) -> Any:
    return instead(box, key).items() if key == changed else [(key, box[key])]
