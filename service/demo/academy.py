"""The academy of the demo: who learns there and what, as its LMS would export it."""

from typing import NamedTuple

NAME = "Harbour Academy"
ACCOUNT = 20817
TIMEZONE = "Europe/Berlin"


class Learner(NamedTuple):
    """One row of Adobe's report generateUsers; `id` is the webhooks' userId."""

    id: int
    name: str
    email: str
    manager: str
    locale: str = "en_US"


class Training(NamedTuple):
    """One learning object and its one instance."""

    id: str
    number: int
    title: str
    parents: str = ""

    @property
    def instance(self) -> str:
        """The instance as Adobe names it."""
        return f"{self.id}_{self.number}"


RUTH_AT, PAUL_AT = "ruth.adeyemi@example.org", "paul.brandt@example.org"

RUTH = Learner(20401, "Ruth Adeyemi", RUTH_AT, "")
ADA = Learner(20411, "Ada Lindgren", "ada.lindgren@example.org", RUTH_AT)
SEAN = Learner(20412, "Sean O'Brien", "o'brien@example.org", RUTH_AT)
MEI = Learner(20413, "Mei Tanaka", "mei.tanaka@example.org", RUTH_AT)
PRIYA = Learner(20414, "Priya Raman", "priya.raman@example.org", PAUL_AT)
JONAS = Learner(20415, "Jonas Weber", "jonas.weber@example.org", PAUL_AT, "de_DE")
LUCIA = Learner(20431, "Lucia Costa", "lucia.costa@example.org", RUTH_AT)
OMAR = Learner(20432, "Omar Haddad", "omar.haddad@example.org", RUTH_AT)

PEOPLE = (RUTH, ADA, SEAN, MEI, PRIYA, JONAS)
NEWCOMERS = (LUCIA, OMAR)

PRIVACY = Training("course:7101", 15001, "Data Protection")
FIRST_AID = Training("course:7102", 15007, "First Aid")
WRITING = Training("course:7103", 15012, "Writing Clearly")
LEADS = Training("learningProgram:410", 2204, "New Team Leads")
FEEDBACK = Training("course:7121", 15021, "Giving Feedback", LEADS.id)
PLANNING = Training("course:7122", 15022, "Planning a Week", LEADS.id)
FORKLIFT = Training("certification:88", 301, "Forklift Licence")

TRAININGS = (PRIVACY, FIRST_AID, WRITING, LEADS, FEEDBACK, PLANNING, FORKLIFT)


def people_csv(people: tuple[Learner, ...]) -> str:
    """Adobe's report generateUsers, of these people."""
    lines = ["internalUserID,userEmail,name,managerEmail,userType,state,uiLocale,timeZoneCode"]
    for each in people:
        manager = f"{each.manager},Internal,ACTIVE,{each.locale},{TIMEZONE}"
        lines.append(f"{each.id},{each.email},{each.name},{manager}")
    return "\n".join(lines) + "\n"


def courses_csv() -> str:
    """Everything that can be learned, with a page of its own."""
    lines = ["id,title,url,parents,source,account"]
    for each in TRAININGS:
        url = f"https://learn.example.org/{each.id.replace(':', '/')}"
        lines.append(f"{each.id},{each.title},{url},{each.parents},adobe,{ACCOUNT}")
    return "\n".join(lines) + "\n"
