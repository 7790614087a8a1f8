"""Sending: owed notifications to a local mail server, beside smtplib and apprise."""

import smtplib
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from statistics import median

from apprise import Apprise

from bench.feed import COURSES, completion
from bench.sink import Sink
from bench.site import BEGIN, Site, keep
from bench.table import Row
from service.app.app import App

AIM_SMTPLIB, AIM_APPRISE = 0.5, 5.0
SENDER, RECIPIENT = "learning@academy.example", "ada@example.org"


def measure(site: Site) -> list[Row]:
    """A batch by Coursebell, the same mail as often by smtplib, some by apprise; in turn."""
    count, few = site.sizes.mails, site.sizes.apprise_mails
    ours, plain, built, apprise = [], [], [], []
    with Sink() as sink:
        app = site.app("sending", "completed.yaml", COURSEBELL_EMAIL_URL=sink.url)
        app.start(BEGIN)
        for turn in range(site.sizes.rounds):
            site.say(f"sending: round {turn + 1} of {site.sizes.rounds}")
            now = BEGIN + (turn + 1) * 60_000
            ours.append(count / deliver(app, count, now))
            plain.append(count / by_smtplib(sink, count, sink.last))
            built.append(count / by_smtplib_building(sink, count, sink.last))
            apprise.append(few / by_apprise(sink, few))
        expected = site.sizes.rounds * (3 * count + few)
        assert len(sink.accepted) == expected, f"expected {expected}, got {len(sink.accepted)}"
    to_smtplib = [a / b for a, b in zip(ours, plain, strict=True)]
    to_built = [a / b for a, b in zip(ours, built, strict=True)]
    to_apprise = [a / b for a, b in zip(ours, apprise, strict=True)]
    return [
        Row(
            what="owed → claimed, tested again, rendered, sent, settled", unit="mails/s",
            values=ours, floor="smtplib, one connection:", floors=plain, ratios=to_smtplib,
            aim=f"{AIM_SMTPLIB}", reached=median(to_smtplib) >= AIM_SMTPLIB,
        ),
        Row(
            what="the same beside smtplib that builds each mail", unit="mails/s", values=ours,
            floor="smtplib and email.message:", floors=built, ratios=to_built,
        ),
        Row(
            what="the same beside apprise", unit="mails/s", values=ours,
            floor="apprise mailto://:", floors=apprise, ratios=to_apprise,
            aim=f"{AIM_APPRISE:g} times", reached=median(to_apprise) >= AIM_APPRISE,
        ),
    ]  # fmt: skip


def deliver(app: App, count: int, now: int) -> float:
    """Seconds from owed to settled, with the views current."""
    course = now // 60_000 % COURSES
    keep(app, [completion(learner, now, course) for learner in range(count)])
    app.take(now)
    app.views.catch_up()
    begun = time.perf_counter()
    app.deliver(now)
    app.views.catch_up()
    return time.perf_counter() - begun


def by_smtplib(sink: Sink, count: int, mail: bytes) -> float:
    """Seconds for so many copies of our mail over one kept connection."""
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", sink.port, "bench.example") as connection:
        for _ in range(count):
            connection.sendmail(SENDER, [RECIPIENT], mail)
    return time.perf_counter() - begun


def by_smtplib_building(sink: Sink, count: int, mail: bytes) -> float:
    """The same, when each mail is also put together as a program usually would."""
    read = message_from_bytes(mail, policy=SMTP)
    text, html = (part.get_content() for part in read.iter_parts())
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", sink.port, "bench.example") as connection:
        for number in range(count):
            message = EmailMessage(policy=SMTP)
            for name in ("From", "To", "Subject", "Date"):
                message[name] = str(read[name])
            message["Message-ID"] = f"<{number}@bench.example>"
            message.set_content(text)
            message.add_alternative(html, subtype="html")
            connection.send_message(message)
    return time.perf_counter() - begun


def by_apprise(sink: Sink, count: int) -> float:
    """Seconds for so many mails as apprise sends them."""
    way = Apprise()
    way.add(f"mailto://127.0.0.1:{sink.port}?from={SENDER}&to={RECIPIENT}&mode=insecure")
    way[0].request_rate_per_sec = 0.0  # by itself it waits seconds between two mails
    begun = time.perf_counter()
    for _ in range(count):
        assert way.notify(title="Congratulations", body="You have completed Logic.")
    return time.perf_counter() - begun
