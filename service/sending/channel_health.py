"""Keep how each channel does: since when it fails, how, and what its tries came to.

A channel fails from a try on that met trouble of the channel itself. A run of tries is trouble of
the channel too, if all failed, whatever each was told: a relay may say 550 to everybody. It works
again with the first message that is taken.
"""

import logging
import threading
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from service.learners.feed_subjects import (
    BUSY,
    CONNECTION,
    DISK,
    HELD,
    LOGIN,
    NO_ANSWER,
    NOBODY,
    PRIVATE,
    REFUSED,
    TLS,
    FailingChannel,
)
from service.rules.calendar import HOUR, MINUTE
from service.rules.text import counted, moment, span
from service.sending.channels.channel import SendResult

OUTCOMES = ("accepted", "permanent", "transient", "unknown")
RUN_OF_TRIES = 10
RUN_OF_PEOPLE = 3
"""Three who have left are no trouble of the channel, ten tries for them without one success are."""

ADVICE: Mapping[str, str] = {
    CONNECTION: "there is no connection to its server; look at host and port in its URL, at name "
    "resolution and firewalls, and whether that server runs",
    TLS: "the certificate of its server is not trusted or is of another name, or it speaks no TLS "
    "here; look at the certificate, and at host, port and mode= in its URL (verify=no trusts any)",
    LOGIN: "its server refuses the login; look at user and password, or at the token, in its URL: "
    "percent-encoded, and made for programs where a provider wants that",
    REFUSED: "its server refuses whatever comes from here; set from= in its URL to a sender that "
    "its account may use, or make a new URL if it is a room's; some let in no machine they do not "
    "know",
    BUSY: "its server says that it is busy or out of order; look at limits of the account, and at "
    "the state of that server",
    NO_ANSWER: "its server takes a message and does not say what became of it, so it may have "
    "arrived; look there, and at its log",
    NOBODY: "its server has taken no message for anybody; look at what it says (`coursebell "
    "notifications show`), at relaying, block lists and limits of the account",
    DISK: "messages cannot be written to the drawer; look at the disk and who may write there",
    PRIVATE: "its host has a private address; name the network in COURSEBELL_CHAT_PRIVATE_NETWORKS "
    "if that is meant",
    HELD: "its variable is not set any more, so what it owes is held; set it "
    "(`coursebell check` names it)",
}
"""What to look at, by the kind of trouble."""
BY_CODE = {401: LOGIN, 403: LOGIN, 421: BUSY, 429: BUSY} | dict.fromkeys(
    (530, 534, 535, 538), LOGIN
)
"""Of HTTP, and of SMTP (RFC 5321 §4.2.2, RFC 4954 §6)."""
PREPARING = "preparing"


def trouble_of(result: SendResult, *, room: bool) -> str:
    """Name the kind of trouble of a try that failed; a `room` is all that its channel reaches."""
    if result.where in ADVICE:
        return result.where
    if "SSL" in result.where:
        return TLS
    if result.code is None:
        return NO_ANSWER if result.kind == "unknown" else CONNECTION
    if result.code in BY_CODE:
        return BY_CODE[result.code]
    if result.where.startswith(PREPARING):
        return LOGIN
    if room and result.code >= 500:
        return BUSY
    return REFUSED if room or result.about_channel else NOBODY


class ChannelState(msgspec.Struct, frozen=True):
    """Hold how a channel does: it fails `since` (ms UTC), or works.

    `failed` tries have ended without success in a row, the first `begun` at, for `readers` of
    whom no more are kept than count. Untried: it failed when the last run ended, and who knows now.
    """

    since: int | None = None
    failed: int = 0
    begun: int | None = None
    readers: frozenset[str] = frozenset()
    trouble: str = ""
    code: int | None = None
    status: str | None = None
    untried: bool = False

    def after(self, result: SendResult, reader: str | None, at: int) -> "ChannelState":
        """Give the state after a try at `at` (ms UTC) for a reader, or None for a room."""
        if result.kind == "accepted":
            return ChannelState()
        if result.kind == "permanent" and result.code is None:
            return self  # an address that is none: no server was asked
        readers = (
            self.readers | {reader or ""} if len(self.readers) < RUN_OF_PEOPLE else self.readers
        )
        begun = at if self.begun is None else self.begun
        tried = replace(self, failed=self.failed + 1, begun=begun, readers=readers, untried=False)
        is_channels = result.about_channel or reader is None
        is_run = tried.failed >= RUN_OF_TRIES and len(readers) >= RUN_OF_PEOPLE
        if not (is_channels or is_run or self.since is not None):
            return tried
        since = self.since if self.since is not None else at if is_channels else begun
        return replace(
            tried,
            since=since,
            trouble=trouble_of(result, room=reader is None),
            code=result.code,
            status=result.status,
        )

    def in_words(self) -> str:
        """Say since when it fails, how, and what to do; for one that fails."""
        assert self.since is not None
        code = " ".join(str(each) for each in (self.code, self.status) if each is not None)
        told = f" ({code})" if code else ""
        tries = f", {counted(self.failed, 'try', 'tries')} since" if self.failed else ""
        untried = "; not tried since the start" if self.untried else ""
        return f"fails since {moment(self.since)}{tries}{told}: {ADVICE[self.trouble]}{untried}"


def state_as_recorded(recorded: FailingChannel) -> ChannelState:
    """Give the state of a channel that fails, as far as the ledger has it."""
    return ChannelState(
        since=recorded.since, trouble=recorded.trouble, code=recorded.code, status=recorded.status
    )


class ChannelHealth:
    """Keep the state of one channel, and count; told by any thread.

    `last_success` is in ms UTC. While it is not `in_doubt`, a success is no news: it need not be
    heard, only counted, with `lock` held.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.attempts = dict.fromkeys(OUTCOMES, 0)
        self.rests = 0
        self.last_success: int | None = None
        self.in_doubt = False
        self.state = ChannelState()
        self.failed_before = ChannelState()
        """How it failed, the last time before it worked again."""

    def hear(self, result: SendResult, reader: str | None, at: int) -> None:
        """Hear what a try for a reader came to; see ChannelState."""
        with self.lock:
            self._become(self.state.after(result, reader, at))

    def hold(self, held: bool, now: int) -> None:
        """Hear whether it is held: it would have turned to the drawer by itself."""
        with self.lock:
            known = self.state.trouble == HELD
            if held:
                self._become(ChannelState(self.state.since if known else now, trouble=HELD))
            elif known:
                self._become(ChannelState())

    def recover(self, recorded: FailingChannel | None) -> None:
        """Go on with what the ledger says of a channel that this run has not tried yet."""
        with self.lock:
            if (
                recorded is None
                or recorded.works
                or self.state.failed
                or any(self.attempts.values())
            ):
                return
            self._become(replace(state_as_recorded(recorded), untried=True))

    def _become(self, state: ChannelState) -> None:
        if self.state.since is not None and state.since is None:
            self.failed_before = self.state
        self.state = state
        self.in_doubt = state != ChannelState()


def failing_channels(healths: Mapping[str, ChannelHealth]) -> dict[str, FailingChannel | None]:
    """Give how each channel fails, None for one that works; leave out what is untried."""
    found: dict[str, FailingChannel | None] = {}
    for name, state in ((name, health.state) for name, health in healths.items()):
        if state.since is None:
            found[name] = None
        elif not state.untried:
            found[name] = FailingChannel(
                name=name,
                since=state.since,
                trouble=state.trouble,
                code=state.code,
                status=state.status,
            )
    return found


AGAIN_MS = (MINUTE, 10 * MINUTE, HOUR)
QUIET_MS = 10 * MINUTE
"""How long after it told of a failing the log tells of no other: flapping does not fill it."""

log = logging.getLogger(__name__)


def tell_again_at(since: int, now: int) -> int:
    """Say when to tell again of what fails since then: after 1 and 10 minutes, then each hour."""
    lasted = max(0, now - since)
    return since + next((each for each in AGAIN_MS if each > lasted), (lasted // HOUR + 1) * HOUR)


class HealthLog:
    """Tell the log that a channel begins to fail, at growing distance that it still does, its end.

    Of one that is held the service tells itself, when it makes a rule file active.
    """

    def __init__(self) -> None:
        self._again_at: dict[str, int] = {}
        self._quiet_until: dict[str, int] = {}

    def look(self, healths: Mapping[str, ChannelHealth], now: int) -> dict[str, str]:
        """Tell what is news; give what is wrong with each channel that fails, in words."""
        for name in self._again_at.keys() - healths.keys():
            del self._again_at[name]
        found = {}
        for name, health in healths.items():
            state = health.state
            if state.since is not None and state.trouble != HELD:
                found[name] = state.in_words()
                self._fails(name, state, now)
            elif self._again_at.pop(name, None) is not None:
                tell_of_end(name, health.failed_before, now)
        return found

    def _fails(self, name: str, state: ChannelState, now: int) -> None:
        assert state.since is not None
        if now < self._again_at.get(name, self._quiet_until.get(name, now)):
            return
        if name not in self._again_at:
            self._quiet_until[name] = now + QUIET_MS
        tell_of_failing(name, state, now)
        self._again_at[name] = tell_again_at(state.since, now)


def tell_of_failing(name: str, state: ChannelState, now: int) -> None:
    """Log that a channel fails; the server's own words stay out, as they may name a person."""
    about = {
        "event": "channel.failing",
        "channel": name,
        "trouble": state.trouble,
        "code": state.code,
        "status": state.status,
        "failed": state.failed,
        "seconds": max(0, now - (state.since or now)) // 1000,
    }
    log.warning("%s", state.in_words(), extra=about)


def tell_of_end(name: str, state: ChannelState, now: int) -> None:
    """Log that a channel works again, and for how long it failed."""
    lasted = max(0, now - (state.since or now))
    log.info(
        "it works again after %s, in which %s failed",
        span(lasted),
        counted(state.failed, "try", "tries"),
        extra={
            "event": "channel.working",
            "channel": name,
            "failed": state.failed,
            "seconds": lasted // 1000,
        },
    )
