"""Keep files for their owner only, whatever the umask is and however they were made."""

import logging
import os
import stat
from pathlib import Path

OWNER = 0o700
EVERYBODY_ELSE = 0o077
FOLDER, FILE = 0o700, 0o600
DRAWER_FOLDER = "drawer"
"""The folder below the data folder."""

log = logging.getLogger(__name__)


def private_folder(path: Path) -> bool:
    """Make a folder with those above it, or mend it; raise OSError when it cannot be made.

    Returns false when it is not for its owner only.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(FOLDER, exist_ok=True)
    return _mend(path.resolve(), FOLDER)


def private_file(path: Path) -> bool:
    """Make an empty file if there is none, or mend it, as `private_folder` does a folder."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE))
    return _mend(path.resolve(), FILE)


def replace_private_file(path: Path, content: bytes) -> None:
    """Write a file whole, so that nobody reads half of it.

    What root writes belongs to the owner of the folder: the service must be able to read it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE)
    try:
        with open(file, "wb") as opened:
            if os.geteuid() == 0:
                folder = path.parent.stat()
                os.fchown(file, folder.st_uid, folder.st_gid)
            opened.write(content)
        _mend(draft, FILE)
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def private_data_folder(path: Path) -> None:
    """Make the data folder, or take from others what an old version or a copy let them have.

    Folders below it that are not ours are left alone; nobody else gets to them any more.
    """
    mended = [private_folder(path)]
    drawer = path / DRAWER_FOLDER
    if drawer.is_dir():
        mended.append(private_folder(drawer))
    for each in (*path.iterdir(), *drawer.glob("*")):
        if each.is_file() and not each.is_symlink():
            mended.append(_mend(each, FILE))
    if not all(mended):
        log.warning(
            "%s: expected it and its files to be for their owner only, got %d whose mode cannot "
            "be set; others may read names and addresses in them: make them those of the user "
            "that runs Coursebell",
            path,
            mended.count(False),
            extra={"event": "files.not_private", "files": mended.count(False)},
        )


def _mend(path: Path, least: int) -> bool:
    """Leave others no rights and the owner at least these; /tmp and its like are everybody's."""
    try:
        mode = path.stat().st_mode
        wanted = mode & OWNER | least
        if mode & (OWNER | EVERYBODY_ELSE) != wanted and not mode & stat.S_ISVTX:
            path.chmod(wanted)
    except FileNotFoundError:
        return True  # a draft, finished meanwhile
    except OSError:
        return False
    return True
