"""Say who learns at the academy of the demo and what, as its LMS would export it."""

from typing import NamedTuple

NAME = "Harbour Academy"
ACCOUNT = 20817
TIMEZONE = "Europe/Berlin"


class AcademyLearner(NamedTuple):
    """Hold one row of Adobe's report generateUsers; `id` is the webhooks' userId."""

    id: int
    name: str
    email: str
    manager: str
    locale: str = "en_US"


class Training(NamedTuple):
    """Name one learning object and its one instance."""

    id: str
    number: int
    title: str
    parents: str = ""

    @property
    def instance(self) -> str:
        """Name the instance as Adobe does."""
        return f"{self.id}_{self.number}"


RUTH_AT, PAUL_AT = "ruth.adeyemi@example.org", "paul.brandt@example.org"

RUTH = AcademyLearner(20401, "Ruth Adeyemi", RUTH_AT, manager="")
ADA = AcademyLearner(20411, "Ada Lindgren", "ada.lindgren@example.org", manager=RUTH_AT)
SEAN = AcademyLearner(20412, "Sean O'Brien", "o'brien@example.org", manager=RUTH_AT)
MEI = AcademyLearner(20413, "Mei Tanaka", "mei.tanaka@example.org", manager=RUTH_AT)
PRIYA = AcademyLearner(20414, "Priya Raman", "priya.raman@example.org", manager=PAUL_AT)
JONAS = AcademyLearner(
    20415, "Jonas Weber", "jonas.weber@example.org", manager=PAUL_AT, locale="de_DE"
)
LUCIA = AcademyLearner(20431, "Lucia Costa", "lucia.costa@example.org", manager=RUTH_AT)
OMAR = AcademyLearner(20432, "Omar Haddad", "omar.haddad@example.org", manager=RUTH_AT)

PEOPLE = (RUTH, ADA, SEAN, MEI, PRIYA, JONAS)
NEWCOMERS = (LUCIA, OMAR)

PRIVACY = Training("course:7101", 15001, "Data Protection")
FIRST_AID = Training("course:7102", 15007, "First Aid")
WRITING = Training("course:7103", 15012, "Writing Clearly")
LEADS = Training("learningProgram:410", 2204, "New Team Leads")
FEEDBACK = Training("course:7121", 15021, "Giving Feedback", parents=LEADS.id)
PLANNING = Training("course:7122", 15022, "Planning a Week", parents=LEADS.id)
FORKLIFT = Training("certification:88", 301, "Forklift Licence")

TRAININGS = (PRIVACY, FIRST_AID, WRITING, LEADS, FEEDBACK, PLANNING, FORKLIFT)


def people_csv(people: tuple[AcademyLearner, ...]) -> str:
    """Write Adobe's report generateUsers, of these people."""
    lines = ["internalUserID,userEmail,name,managerEmail,userType,state,uiLocale,timeZoneCode"]
    for each in people:
        manager = f"{each.manager},Internal,ACTIVE,{each.locale},{TIMEZONE}"
        lines.append(f"{each.id},{each.email},{each.name},{manager}")
    return "\n".join(lines) + "\n"


def courses_csv() -> str:
    """List everything that can be learned, with a page of its own."""
    lines = ["id,title,url,parents,source,account"]
    for each in TRAININGS:
        url = f"https://learn.example.org/{each.id.replace(':', '/')}"
        lines.append(f"{each.id},{each.title},{url},{each.parents},adobe,{ACCOUNT}")
    return "\n".join(lines) + "\n"
