"""Hold the words of the page on which a reader chooses, by language."""

from collections.abc import Mapping
from typing import NamedTuple

from service.rules.readers.choices import BOUNCED, COMPLAINED


class ChoicesText(NamedTuple):
    """Hold the page's words in one language; `{kind}` and `{group}` stand for names."""

    title: str
    about: str
    saved: str
    stopped: str
    wrong: str
    stop_title: str
    stop: str
    unreachable: Mapping[str, str]
    reach: str
    what: str
    required: str
    stop_all: str
    how: str
    at_once: str
    daily: str
    weekly: str
    list_at: str
    list_on: str
    when: str
    as_sent: str
    own_hours: str
    begins: str
    ends: str
    away: str
    back_on: str
    back_note: str
    language: str
    timezone: str
    as_known: str
    save: str
    days: tuple[str, str, str, str, str, str, str]
    learner: str
    manager: str
    watchers: str
    group: str
    useless_title: str
    useless_text: str

    def role(self, role: str) -> str:
        """Say as whom somebody gets a message."""
        name, _, group = role.partition(":")
        said = {
            "learner": self.learner,
            "manager": self.manager,
            "managers_manager": self.manager,
            "watchers": self.watchers,
        }
        return said.get(name, self.group.format(group=group))


TEXTS: Mapping[str, ChoicesText] = {
    "en": ChoicesText(
        title="What you are told, and when",
        about="These choices are for messages to {address}. They count from the next message on.",
        saved="Saved.",
        stopped="Stopped. You will not get messages of this kind any more.",
        wrong="Nothing was saved. Please look again at: {fields}.",
        stop_title="Stop “{kind}”?",
        stop="Stop these messages",
        unreachable={
            BOUNCED: "Nothing is sent to this address, because a message to it came back.",
            COMPLAINED: "Nothing is sent to this address, because a message was reported as spam.",
        },
        reach="Write to me again",
        what="What you get",
        required="required by your organisation; you can have it later or in a list, not stop it",
        stop_all="Stop everything that can be stopped",
        how="How",
        at_once="Each message at once",
        daily="One list a day",
        weekly="One list a week",
        list_at="At",
        list_on="On",
        when="Days and hours",
        as_sent="As your organisation set them",
        own_hours="Only at these times",
        begins="From",
        ends="Until",
        away="Away",
        back_on="First day back",
        back_note="Until then nothing is sent. It comes when you are back, if it is still true.",
        language="Language",
        timezone="Time zone",
        as_known="As your organisation has it",
        save="Save",
        days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        learner="about your own learning",
        manager="about people you lead",
        watchers="about seats you asked for",
        group="as a member of {group}",
        useless_title="This link is of no use any more",
        useless_text="Nothing was changed. The link may have been cut in two, or belong to an "
        "earlier address. Take the link of a newer message.",
    ),
    "de": ChoicesText(
        title="Was wir Ihnen schreiben, und wann",
        about="Ihre Auswahl gilt für Nachrichten an {address}, ab der nächsten.",
        saved="Gespeichert.",
        stopped="Abbestellt. Sie bekommen keine Nachrichten dieser Art mehr.",
        wrong="Nichts wurde gespeichert. Bitte prüfen Sie: {fields}.",
        stop_title="„{kind}“ abbestellen?",
        stop="Diese Nachrichten abbestellen",
        unreachable={
            BOUNCED: "An diese Adresse schreiben wir nicht, weil eine Nachricht zurückkam.",
            COMPLAINED: "An diese Adresse schreiben wir nicht, weil eine Nachricht als Spam "
            "gemeldet wurde.",
        },
        reach="Schreiben Sie mir wieder",
        what="Was Sie bekommen",
        required="von Ihrer Organisation vorgeschrieben; kann später oder gesammelt kommen, aber "
        "nicht abbestellt werden",
        stop_all="Alles abbestellen, was sich abbestellen lässt",
        how="Wie",
        at_once="Jede Nachricht sofort",
        daily="Eine Liste am Tag",
        weekly="Eine Liste in der Woche",
        list_at="Um",
        list_on="Am",
        when="Tage und Zeiten",
        as_sent="Wie Ihre Organisation sie vorgibt",
        own_hours="Nur zu diesen Zeiten",
        begins="Von",
        ends="Bis",
        away="Abwesend",
        back_on="Erster Tag zurück",
        back_note="Bis dahin kommt nichts. Danach kommt, was dann noch stimmt.",
        language="Sprache",
        timezone="Zeitzone",
        as_known="Wie Ihre Organisation sie kennt",
        save="Speichern",
        days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
        learner="über Ihr eigenes Lernen",
        manager="über Menschen, die Sie führen",
        watchers="über Plätze, nach denen Sie gefragt haben",
        group="als Mitglied von {group}",
        useless_title="Dieser Link gilt nicht mehr",
        useless_text="Es wurde nichts geändert. Vielleicht wurde der Link abgeschnitten, oder er "
        "gehört zu einer früheren Adresse. Nehmen Sie den Link aus einer neueren Nachricht.",
    ),
}
LANGUAGES = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
}
"""Languages by their own names."""
