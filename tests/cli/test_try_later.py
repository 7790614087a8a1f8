"""`coursebell try` of what waits: windows, digests, steps of an escalation, watchers."""

from service.learners.directory.people import PersonRow
from tests.cli.test_try_rule import attempt, rules
from tests.installation import ADA, DONE, START, Installation, completed, seats

HEAD = """
time_intervals: {office: [{weekdays: [mon], from: "08:00", until: "10:00"}]}
defaults: {timezone: Europe/Berlin, expires_after: 2w}
rules:
"""
LATER = """
  - id: later
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed, send_window: office}
      - {to: learner, via: email, template: team_completions, digest: {every: week, at: "09:30"}}
    escalation:
      - {after: 7d, to: manager, via: email, template: team_completion}
"""
ABOVE = """
  - id: above
    trigger: {event: enrollment.completed}
    notify:
      - {to: managers_manager, via: email, template: completed}
"""
WATCHED = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""


def test_what_waits_says_until_when_and_shows_its_words(folder):
    rules()
    text = folder.joinpath("rules.yaml").read_text().replace("\nrules:", HEAD)
    folder.joinpath("rules.yaml").write_text(text + LATER)
    with Installation(folder / "real", LATER.replace(", send_window: office", "")) as real:
        real.import_people([ADA])
    told = attempt("later", completed(START + 3 * 3_600_000, 77), data=True)

    assert told.exit_code == 0, told.output
    assert "not before 2026-11-23 07:00:00Z (send_window office)" in told.output
    assert "not before 2026-11-23 08:30:00Z (digest)" in told.output
    assert told.output.count("To: Ada Lovelace <ada@example.org>") == 2
    assert "7d later, if it still holds, to manager via email" in told.output


def test_what_a_throttle_drops_is_told_by_nobody(folder):
    once = "{post: room, template: seat_free, throttle: {max: 1, per: 12h}}"
    rules(WATCHED.replace("{to: watchers, via: email, template: seat_free}", once))
    taken = (seats(START + hour * 3_600_000, count) for hour, count in enumerate((10, 9, 10, 9)))
    told = attempt("free", *taken)
    assert "room room: not told; too many had gone to the same recipient" in told.output
    assert told.output.count("Subject: A seat is free") == 1


def test_nobody_watches(folder):
    rules(WATCHED)
    told = attempt("free", seats(START, 10), seats(START + 1, 9))
    assert "nobody has asked to be told" in told.output


def test_a_managers_manager_is_named(folder):
    rules(ABOVE)
    boss = PersonRow("9", name="Boss", email="boss@example.org", manager="10")
    with Installation(folder / "real", WATCHED) as real:
        real.import_people([ADA, boss, PersonRow("10", name="Lise Meitner")])
    told = attempt("above", completed(START, 77), data=True)
    assert "Lise Meitner: not told; no address is known" in told.output


def test_what_is_bundled_says_how_long_it_waits_and_which_message_tells_it(folder):
    rules(DONE.replace("    notify:", "    bundle: 30m\n    notify:"))
    with Installation(folder / "real", DONE) as real:
        real.import_people([ADA])
    other = completed(START + 1, 77, course="course:8", session="course:8_1")
    told = attempt("done", completed(START, 77), other, data=True)

    assert told.exit_code == 0, told.output
    assert told.output.count("(bundle)") == 2
    assert told.output.count("To: Ada Lovelace <ada@example.org>") == 1
    assert "told by the message of another event of this letter" in told.output
