"""Script the week of the demo: what the academy's LMS sends, and when it comes."""

from typing import NamedTuple

from service.demo.academy import (
    ADA,
    FEEDBACK,
    FIRST_AID,
    FORKLIFT,
    JONAS,
    LEADS,
    LUCIA,
    MEI,
    NEWCOMERS,
    OMAR,
    PLANNING,
    PRIVACY,
    PRIYA,
    SEAN,
    WRITING,
    AcademyLearner,
)
from service.demo.adobe_letters import (
    at,
    completed,
    enrolled,
    event,
    letter,
    progress,
    rolled_back,
    seats,
    unenrolled,
)

OPENS, ENDS = at("Mon 07:30"), at("Sun 20:00")


class Scene(NamedTuple):
    """Bring something to the service: a letter, or a file of people."""

    at: int
    caption: str
    letter: bytes | None = None
    people: tuple[AcademyLearner, ...] = ()


UNKNOWN = {"userId": ADA.id, "loId": WRITING.id, "loType": "course"}
LUCIA_DONE = letter(completed(LUCIA, WRITING, "Tue 10:29"))

MON = (
    Scene(at("Mon 08:00"), "Somebody presses Test and Save at Adobe", b""),
    Scene(
        at("Mon 08:05"),
        "Adobe hands over what it kept since Thursday",
        letter(
            enrolled(MEI, PRIVACY, "last Thu 10:00", batch=True),
            enrolled(JONAS, PRIVACY, "last Thu 10:00", batch=True),
            enrolled(OMAR, PRIVACY, "last Thu 10:00", batch=True),
            progress(JONAS, PRIVACY, "last Fri 14:00", percent=30),
        ),
    ),
    Scene(
        at("Mon 09:10"),
        "Ada begins a learning path with two courses in it",
        letter(
            enrolled(ADA, LEADS, "Mon 09:10"),
            enrolled(ADA, FEEDBACK, "Mon 09:10"),
            enrolled(ADA, PLANNING, "Mon 09:10"),
        ),
    ),
    Scene(
        at("Mon 10:00"),
        "First Aid fills up",
        letter(
            enrolled(PRIYA, FIRST_AID, "Mon 10:00"),
            seats(FIRST_AID, "Mon 10:00", taken=9, limit=12),
        ),
    ),
    Scene(
        at("Mon 14:30"),
        "Ada is under way",
        letter(progress(ADA, FEEDBACK, "Mon 14:21", percent=40)),
    ),
)

TUE = (
    Scene(
        at("Tue 09:00"),
        "A completion comes before its enrollment",
        letter(completed(SEAN, WRITING, "Tue 08:59")),
    ),
    Scene(
        at("Tue 09:20"),
        "The enrollment comes after all",
        letter(enrolled(SEAN, WRITING, "Mon 08:55", batch=True)),
    ),
    Scene(at("Tue 10:30"), "Somebody finishes who is not in people.csv yet", LUCIA_DONE),
    Scene(at("Tue 10:31"), "Adobe missed our answer and sends it again", LUCIA_DONE),
    Scene(
        at("Tue 15:00"),
        "Two more sign up for First Aid",
        letter(
            enrolled(SEAN, FIRST_AID, "Tue 14:58"),
            enrolled(JONAS, FIRST_AID, "Tue 14:59"),
            seats(FIRST_AID, "Tue 14:59", taken=11, limit=12),
        ),
    ),
    Scene(
        at("Tue 16:20"),
        "Jonas is certified; Adobe does not say he passed",
        letter(completed(JONAS, FORKLIFT, "Tue 16:20")),
    ),
)

WED = (
    Scene(at("Wed 08:30"), "The academy imports its newcomers", people=NEWCOMERS),
    Scene(
        at("Wed 09:00"),
        "One event nobody knows yet; the others go on",
        letter(
            event("RESPONSE:ASYNCAPI_USERGROUP_USER_ADDED", "Wed 08:58", {"status": "SUCCESS"}),
            event("COURSE_ALTERNATE_FOUND", "Wed 08:59", UNKNOWN),
            progress(ADA, PLANNING, "Wed 08:47", percent=50),
        ),
    ),
    Scene(
        at("Wed 10:00"),
        "First Aid is full, and one waits",
        letter(seats(FIRST_AID, "Wed 10:00", taken=12, limit=12, waiting=1)),
    ),
    Scene(
        at("Wed 11:40"),
        "Priya leaves; the seat goes to the one who waits",
        letter(
            unenrolled(PRIYA, FIRST_AID, "Wed 11:40"),
            seats(FIRST_AID, "Wed 11:40", taken=11, limit=12, waiting=1),
        ),
    ),
    Scene(
        at("Wed 11:42"),
        "The wait-list has moved up",
        letter(seats(FIRST_AID, "Wed 11:41", taken=12, limit=12)),
    ),
)

THU = (
    Scene(
        at("Thu 09:05"),
        "Ada finishes the first course of her path …",
        letter(completed(ADA, FEEDBACK, "Thu 09:05")),
    ),
    Scene(
        at("Thu 09:11"),
        "… then the second, and with it the path",
        letter(completed(ADA, PLANNING, "Thu 09:10"), completed(ADA, LEADS, "Thu 09:11")),
    ),
    Scene(
        at("Thu 09:14"),
        "Progress trails behind, as it may by 15 minutes",
        letter(progress(ADA, PLANNING, "Thu 09:12", percent=100)),
    ),
    Scene(
        at("Thu 16:00"),
        "An admin marks a path as completed …",
        letter(completed(JONAS, LEADS, "Thu 16:00", batch=True)),
    ),
    Scene(
        at("Thu 16:04"),
        "… for the wrong person, and takes it back",
        letter(rolled_back(JONAS, LEADS, "Thu 16:04")),
    ),
)

FRI = (
    Scene(
        at("Fri 08:40"),
        "Jonas is taken out; Adobe spells the path otherwise",
        letter(unenrolled(JONAS, LEADS, "Fri 08:40", batch=True)),
    ),
    Scene(
        at("Fri 09:00"),
        "Sean leaves First Aid, and nobody waits",
        letter(
            unenrolled(SEAN, FIRST_AID, "Fri 09:00"),
            seats(FIRST_AID, "Fri 09:00", taken=11, limit=12),
        ),
    ),
    Scene(
        at("Fri 14:08"),
        "Jonas goes on just in time; Adobe says so late",
        letter(progress(JONAS, PRIVACY, "Fri 13:52", percent=60)),
    ),
    Scene(
        at("Fri 15:30"),
        "Omar finishes but does not pass",
        letter(completed(OMAR, PRIVACY, "Fri 15:30", passed=False)),
    ),
)

SAT = (
    Scene(
        at("Sat 10:00"),
        "Priya comes back and takes the free seat",
        letter(
            enrolled(PRIYA, FIRST_AID, "Sat 10:00"),
            seats(FIRST_AID, "Sat 10:00", taken=12, limit=12),
        ),
    ),
)

SUN = (
    Scene(
        at("Sun 18:00"),
        "Mei, reminded on Thursday, finishes",
        letter(completed(MEI, PRIVACY, "Sun 17:58")),
    ),
)

WEEK = (*MON, *TUE, *WED, *THU, *FRI, *SAT, *SUN)
