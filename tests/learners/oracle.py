"""Design §4 told once more, as plainly as it is written and without a line of the service."""

from typing import Any

A_DAY = 86_400_000


def standing(entries: list[Any], lateness: int) -> dict[str, Any]:
    """Walks sorted (occurred_at, rank, key, said) and returns the state as a dict."""
    ended_at: int | None = None
    done: int | None = None
    episode = new()
    for at, _, _, said in entries:
        kind, status = type(said).__name__, episode["status"]
        late = ended_at is not None and at <= ended_at + lateness
        before = episode
        if kind == "Enrolled":
            if status in (None, "unenrolled") or (status == "completed" and not late):
                episode = new(status="enrolled", progress=0.0)
            if episode["enrolled_at"] is None:
                episode["enrolled_at"] = at
            episode["source"] = episode["source"] or said.enrollment_source
        elif kind in ("Started", "ProgressReported", "ModuleCompleted"):
            if status == "completed" or late:
                continue
            if status not in ("enrolled", "in_progress"):
                episode = new()
            active(episode, at, said)
        elif kind == "Completed":
            again = status == "completed" and at > episode["completed_at"] + A_DAY
            if status in (None, "unenrolled") or again:
                episode = new()
            passed = episode["passed"] if said.passed is None else said.passed
            source = episode["source"] or said.enrollment_source
            episode |= {"status": "completed", "progress": 100.0, "passed": passed}
            score = episode["score"] if said.score is None else said.score
            episode |= {"completed_at": at, "source": source, "score": score}
            ended_at = at
        elif kind == "CompletionRevoked":
            if status is not None and episode["completed_at"] is None:
                done = None
            elif status is None or episode["completed_at"] is not None:
                left = status == "unenrolled"
                episode |= {"status": "unenrolled" if left else "in_progress"}
                episode |= {"progress": None, "passed": None}
                episode |= {"completed_at": None, "active_at": at, "score": None}
        else:
            episode["status"] = "unenrolled"
            ended_at = at
        if episode is not before and before["completed_at"] is not None:
            done = done if before["passed"] is False else before["completed_at"]
    return {**episode, "done_at": done}


def new(**known: Any) -> dict[str, Any]:
    names = ("status", "progress", "passed", "score", "source", "enrolled_at", "started_at")
    none = dict.fromkeys((*names, "completed_at", "active_at"))
    return {**none, "modules": (), **known}


def active(episode: dict[str, Any], at: int, said: Any) -> None:
    """Activity in an open episode."""
    episode |= {"status": "in_progress", "active_at": at}
    episode["started_at"] = episode["started_at"] or at
    if getattr(said, "percent", None) is not None:
        episode["progress"] = said.percent
    if getattr(said, "score", None) is not None:
        episode["score"] = said.score
    name = getattr(said, "module", None)
    if name is not None and name not in episode["modules"]:
        episode["modules"] += (name,)
