"""Keep what is wrong now in a file of the data folder, for commands beside the service."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from service.ledger.private_files import replace_private_file
from service.sending.channel_health import ChannelHealth

SEEN_FILE = "seen.json"


class FailingNow(msgspec.Struct, frozen=True):
    """Hold since when a channel fails (ms UTC), and how, in words."""

    since: int
    trouble: str


class SeenNow(msgspec.Struct, frozen=True):
    """Hold what a running service finds wrong: channels that fail, and parts with a trouble."""

    channels: dict[str, FailingNow] = {}
    troubles: dict[str, str] = {}


def look(
    healths: Mapping[str, ChannelHealth], troubles: Mapping[str, str], *, alive: bool
) -> SeenNow:
    """Gather what is wrong; a channel is told of once."""
    states = ((name, health.state) for name, health in healths.items())
    parts = {part: words for part, words in troubles.items() if not part.startswith("channel")}
    return SeenNow(
        channels={
            name: FailingNow(state.since, state.in_words())
            for name, state in states
            if state.since is not None
        },
        troubles=parts if alive else {**parts, "loops": "one has ended; restart the service"},
    )


def seen_now(folder: Path) -> SeenNow | None:
    """Read what the service in this folder found a second ago; None if it has not said."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / SEEN_FILE).read_bytes(), type=SeenNow)
    return None


class SeenFile:
    """Keep the file of one service; a full disk keeps it as it was."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SEEN_FILE
        self._kept: SeenNow | None = None

    def keep(self, found: SeenNow) -> None:
        """Write it when it is news."""
        if found != self._kept:
            with suppress(OSError):
                replace_private_file(self._path, msgspec.json.encode(found))
                self._kept = found

    def forget(self) -> None:
        """Remove the file: the service ends."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
