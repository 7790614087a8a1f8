"""A mail server and a chat service that never come to an end, and the service that goes on."""

import json
from pathlib import Path

from tests.endless import Endless
from tests.installation import DONE, FREE, START, completed, seats
from tests.metrics import peak_memory
from tests.real_service import RealService
from tests.smtp_sink import FLOOD, SmtpSink
from tests.waiting import until

GROWTH_AT_MOST = 60_000
"""KiB; a reply without end took 5.8 GB in 25 s."""


def test_mail_and_chat_without_end_take_no_memory_and_hold_nothing(tmp_path: Path) -> None:
    with (
        SmtpSink() as sink,
        Endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60_000) as room,
        RealService(
            tmp_path,
            DONE + FREE,
            COURSEBELL_EMAIL_URL=sink.url,
            COURSEBELL_CHAT_URL=f"json://127.0.0.1:{room.port}/hook",
        ) as service,
    ):
        sink.on("greeting", FLOOD, times=1)
        service.import_people("id,name,email\n77,Ada,ada@example.org\n")
        before = peak_memory(service.process.pid)
        service.post(completed(START, 77))
        until(lambda: sink.flooded, "a greeting without end is read")
        service.post(seats(START, 10), seats(START + 1, 9))
        service.notifications(
            lambda found: {each["state"] for each in found} == {"owed", "sent"}, "chat is sent"
        )
        (mail,) = service.get("/api/v1/notifications?state=owed")["items"]
        where = f"/api/v1/notifications/{mail['id']}"
        until(
            lambda: "transient" in json.dumps(service.get(where)), "the mail is tried again later"
        )
        until(lambda: room.gone == room.connections == 1, "the room is let go")
        assert peak_memory(service.process.pid) - before < GROWTH_AT_MOST
        assert service.stop() == 0
