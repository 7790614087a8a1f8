"""The rules of the stories: one for each way of deciding and of leaving."""

from tests.installation import DONE, STILL

TOGETHER = DONE.replace("    notify:", "    collapse: 10m\n    notify:")
ALMOST = """
  - id: almost-full
    trigger: {change: instance.seats_available, to: {lte: 2}, rearm: {gte: 5}}
    notify:
      - {post: room, template: almost_full}
"""
ASIDE = """
  - id: aside
    trigger: {event: letter.set_aside}
    notify:
      - {post: room, template: letter_set_aside}
"""
BUNDLED = """
  - id: done
    trigger: {event: enrollment.completed}
    bundle: 30m
    collapse: 10m
    notify:
      - {to: learner, via: email, template: completed}
      - {to: manager, via: email, template: completed, throttle: {max: 1, per: 12h}}
  - id: welcome
    trigger: {event: enrollment.enrolled}
    bundle: 30m
    notify:
      - {to: learner, via: email, template: stalled}
      - {to: manager, via: email, template: stalled}
"""
TEAM = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: list, digest: {every: day, at: "08:30"}}
"""
STEPS = (
    STILL
    + """
    escalation:
      - {after: 7d, to: manager, via: email, template: stalled}
"""
)
RARE = """
  - id: rare
    trigger: {event: enrollment.progressed}
    notify:
      - {to: learner, via: email, template: stalled, throttle: {max: 1, per: 12h}}
"""
