"""One sample of every stored event; its bytes of all times are in tests/golden/<topic>.json."""

from typing import Any

from service.app.agreed_files import FilesAgreed
from service.learners.course import SHAPES as OF_COURSES
from service.learners.enrollment import SHAPES as OF_ENROLLMENTS
from service.learners.enrollment import Told
from service.learners.enrollment_state import Snapshot
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    CourseDeleted,
    CourseDrafted,
    CourseModified,
    Enrolled,
    FactBody,
    Identity,
    InstanceDeleted,
    InstanceModified,
    LearnerLeft,
    LearnerMerged,
    LearnerSeen,
    ModuleCompleted,
    ProgressReported,
    SeatsReported,
    Started,
    Unenrolled,
)
from service.learners.instance import SHAPES as OF_INSTANCES
from service.learners.watchlist import WatchAsked, WatchStopped, WatchTold
from service.ledger.events import EventBody
from service.rules.digests import DigestClosed
from service.rules.notification import (
    AddressFound,
    AttemptEnded,
    AttemptStarted,
    Deferred,
    Ended,
    Held,
    Owed,
    Redriven,
    RuleReturned,
    WaitingForAddress,
)
from service.rules.plan import ThrottlePassed
from service.rules.readers.choices import Choices, ChoicesMade, OwnHours, OwnList, Unreachable
from service.rules.rule import MutingChanged
from service.rules.scheduler import RulesActivated, TimeAsked
from service.rules.storm import StormCounted
from service.rules.triggers.channel_failing import ChannelFailing, ChannelWorking
from service.rules.triggers.letter_set_aside import LetterMark, LettersAsked
from service.rules.triggers.seat_change import RuleFired
from service.rules.triggers.source_silent import FeedSilence, FeedsWatched
from service.rules.triggers.stalled import SilenceMark
from service.sending.known_channels import ChannelsOpened
from tests.learners.cast import MEMBER, PLACE, WHO, day

SHAPES = {**OF_ENROLLMENTS, **OF_INSTANCES, **OF_COURSES}
ADAS = "e1111111100000000000000000000000a"
SESSIONS = "i0000000000000000000000000000000b"


def recorded(said: FactBody, name: str, at: int = day(1), **more: Any) -> EventBody:
    """A fact's event in the shape the ledger gives it back in."""
    shape = SHAPES[said.TOPIC]
    body: EventBody = shape(
        said=said, at=at, key="0123456789abcdef0123456789abcdef", name=name, recorded_at=at + 1500,
        letter=41, item=2, **more,
    )  # fmt: skip
    return body


SAMPLES: list[EventBody] = [
    recorded(
        Enrolled("SELF_ENROLL"), "COURSE_ENROLLMENT", by_admin=True,
        transitions=("enrollment.enrolled",), about=WHO,
        after=Snapshot(
            "enrolled", 0.0, source="SELF_ENROLL", enrolled_at=day(1), silent_since=day(1)
        ),
    ),
    recorded(
        Enrolled(), "COURSE_ENROLLMENT", transitions=("enrollment.enrolled",),
        after=Snapshot("enrolled", enrolled_at=day(1)), saw={SESSIONS: 3},
    ),
    recorded(
        Started(), "COURSE_START", day(2), transitions=("enrollment.started",),
        after=Snapshot(
            "in_progress", 0.0, enrolled_at=day(1), started_at=day(2), active_at=day(2),
            silent_since=day(2),
        ),
    ),
    recorded(
        ProgressReported(42.5), "LEARNER_PROGRESS", day(3),
        transitions=("enrollment.started", "enrollment.progressed"),
        after=Snapshot("in_progress", 42.5, started_at=day(3), active_at=day(3)),
    ),
    recorded(
        ModuleCompleted("intro", 50.0), "MODULE_COMPLETION", day(4),
        transitions=("enrollment.progressed", "enrollment.module_completed"),
    ),
    recorded(
        Completed(passed=False, score=12.5, enrollment_source="ADMIN_ENROLL"), "COURSE_COMPLETED",
        day(10), transitions=("enrollment.completed",),
        after=Snapshot("completed", 100.0, False, 12.5, "ADMIN_ENROLL", completed_at=day(10)),
    ),
    recorded(
        Completed(passed=True), "COURSE_COMPLETED", day(10), transitions=("enrollment.completed",),
        after=Snapshot("completed", 100.0, True, completed_at=day(10)), restates=Told(7, day(9)),
    ),
    recorded(
        CompletionRevoked(), "LEARNING_PATH_COMPLETION_ROLLBACK", day(20), conflict=True,
        transitions=("enrollment.completion_revoked",),
    ),
    recorded(Unenrolled(), "COURSE_UNENROLLMENT", day(30), superseded=True),
    recorded(
        SeatsReported(28, 3, 5_000_000_000), "CI_STATS", transitions=("instance.seats_changed",),
        about=PLACE, newest=True, was=SeatsReported(29, 0, 30),
    ),
    recorded(
        InstanceModified(), "LEARNING_OBJECT_INSTANCE_MODIFICATION",
        transitions=("instance.modified",), newest=True,
    ),
    recorded(InstanceDeleted(), "LEARNING_OBJECT_INSTANCE_DELETION", superseded=True),
    recorded(
        CourseDrafted(), "LEARNING_OBJECT_DRAFT", transitions=("course.drafted",),
        about=Identity("adobe", "1234", course="course:1", kind="course"),
    ),
    recorded(CourseModified(), "LEARNING_OBJECT_MODIFICATION", transitions=("course.modified",)),
    recorded(CourseDeleted(), "LEARNING_OBJECT_DELETION", transitions=("course.deleted",)),
    recorded(
        LearnerSeen(), "LOGIN", transitions=("learner.seen",), about=MEMBER, imported=True
    ),
    recorded(LearnerLeft(), "delete-user", transitions=("learner.left",)),
    recorded(LearnerMerged("2" * 32), "merge-user-courses-and-cert", about=MEMBER),
    Owed(
        rule="completed", entry="learner/email/completed", mode="live", template="completed",
        channel="email", recipient="learner", trigger="enrollment.completed",
        occurrence=f"{ADAS}/2", subject=ADAS, version=2, source="adobe", account="1234",
        course="course:1", kind="course", decided_at=day(10, 1), due_at=day(10, 11),
        instance="course:1_2", person="1" * 32, event_name="COURSE_COMPLETED", event_at=day(10),
        by_admin=True, collapse=f"completed/learner/email/completed/learner/{'1' * 32}",
        held="storm", digest=True,
        read={"enrollment.passed": True, "instance.seat_limit": "unlimited"},
    ),
    Owed(
        rule="stalled", entry="learner/email/stalled", mode="live", template="stalled",
        channel="email", recipient="learner", trigger="stalled_for", occurrence=f"{ADAS}/2",
        subject=ADAS, version=2, source="adobe", account="1234", course="course:1", kind="course",
        decided_at=day(10, 1), due_at=day(10, 2), person="1" * 32, bundle="email/p01",
    ),
    AttemptStarted(
        at=day(10, 11), worker="host-1/email", until=day(10, 26),
        message_id="<n" + "0" * 32 + "@academy.example>", speaks_for=("n" + "1" * 32,),
    ),
    AttemptStarted(
        at=day(10, 11), worker="academy.example/email/2", until=day(10, 26), turn=3,
    ),
    AttemptEnded(
        at=day(10, 12), outcome="transient", then="owed", code=451, status="4.7.1",
        next_at=day(10, 17),
    ),
    WaitingForAddress(at=day(10, 11), until=day(40, 11)),
    AddressFound(at=day(11)),
    AddressFound(at=day(11), what="title"),
    Ended(at=day(12), state="cancelled", reason="rule_removed", into="n00000000" + "0" * 24),
    Redriven(at=day(13), released_by="n00000000" + "0" * 24),
    Deferred(at=day(8), until=day(9), reason="send_window office_hours"),
    Deferred(at=day(8), until=day(8, 10), reason="rule_gone", since=day(7)),
    Deferred(at=day(8), until=day(9, 8), reason="at_most", bundle="email/p01"),
    Deferred(at=day(8), until=day(9, 8), reason="away", chosen=True),
    Deferred(at=day(8), until=day(9, 8), reason="away", chosen=True, reader="p01"),
    RuleReturned(at=day(8, 1)),
    Held(at=day(8), reason="muted"),
    RuleFired(at=day(5), instance=SESSIONS, fired_at=7),
    StormCounted(at=day(5) + 7, since=day(5), count=501),
    StormCounted(at=day(9), since=day(8), count=2, others=498),
    ThrottlePassed(at=day(6), passed=((day(5), "n00000000" + "1" * 24), (day(6), "n" + "2" * 32))),
    DigestClosed(at=day(6), local="2026-01-06T08", items=("n00000000" + "1" * 24,)),
    ChoicesMade(
        at=day(6), by="one_click",
        choices=Choices(
            stopped=("done",), stopped_all=True, own_list=OwnList("week", 480, 4),
            own_hours=OwnHours((0, 4), 540, 1080), back_on="2026-02-02", locale="de",
            timezone="Asia/Tokyo",
        ),
    ),
    ChoicesMade(
        at=day(7), by="bounce",
        choices=Choices(unreachable=Unreachable("bounced", day(7), "550 5.1.1")),
    ),
    MutingChanged(at=day(6), everything=True, rules=("done", "stalled")),
    RulesActivated(
        at=day(0), position=1200, fingerprint="f" * 32, text="version: 1\n",
        modes={"completed": "live", "stalled": "shadow"},
    ),
    RulesActivated(
        at=day(1), position=1201, fingerprint="e" * 32, text="version: 1\n",
        modes={"completed": "live"}, gone={"live/stalled": SilenceMark(day(2), day(1))},
    ),
    FilesAgreed(at=day(0), rules="f1", templates="f2", key="f3"),
    ChannelsOpened(at=day(0), kinds={"email": "mail", "room": "chat"}),
    ChannelFailing(at=day(9), since=day(8), trouble="login", code=535, status="5.7.8"),
    ChannelWorking(at=day(10)),
    FeedsWatched(at=day(9), silences={"adobe": FeedSilence(70, 3_600_000)}),
    LettersAsked(at=day(9), rules={"aside": LetterMark(70, "live")}),
    TimeAsked(at=day(9), position=1300, marks={"stalled": SilenceMark(day(2), day(1))}),
    TimeAsked(at=day(9), position=1300, marks={}, saw={ADAS: 2, SESSIONS: 0}),
    WatchAsked(at=day(3), person="1" * 32),
    WatchStopped(at=day(4), person="1" * 32),
    WatchTold(at=day(5), notifications={"1" * 32: "n" + "0" * 32}),
]  # fmt: skip
