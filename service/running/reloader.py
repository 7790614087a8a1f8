"""Read the rules and templates again when their files have changed, or when somebody asks."""

import logging
import threading
from collections.abc import Callable

from service.app.active_rules import FileWatch, Refused, places_of
from service.app.app import SOURCES
from service.sending.planner import ActiveRules

log = logging.getLogger(__name__)

RULES = "rules"


class Reloader:
    """Watch the files for whoever uses them; what is wrong with them stands in the `troubles`."""

    def __init__(self, files: FileWatch, troubles: dict[str, str]) -> None:
        self._files = files
        self._troubles = troubles
        self._asked = threading.Event()

    def ask(self) -> None:
        """Have the files read at the next look, changed or not; what came of it is a trouble."""
        self._asked.set()

    def look(self, moment: float, use: Callable[[ActiveRules], object]) -> bool:
        """Read the files anew if they have changed, or it was asked for, and they stand still.

        `use` makes them active, gives what is true when they were not, and may raise Refused.
        `moment` is in monotonic seconds. Returns whether they were read, used or not.
        """
        self._files.look(moment)
        if not (self._asked.is_set() or self._files.changed):
            return False
        if not self._files.stand_still(moment):
            if self._files.restless(moment):
                self._troubles[RULES] = "not read again: the files are written to all the time"
            return False
        self._asked.clear()
        try:
            fresh = self._files.read(SOURCES)
            if fresh is None:
                return True
            if use(fresh):
                log.info("the rules are active as they are now", extra={"event": "rules.active"})
            if self._troubles.pop(RULES, None):
                log.info("the files are accepted again", extra={"event": "rules.mended"})
        except (Refused, OSError) as error:
            self._troubles[RULES] = str(error)
            about = {"event": "rules.refused", "mistakes": places_of(str(error))}
            log.error("the old rules stay active; `coursebell check` says why", extra=about)
        return True
