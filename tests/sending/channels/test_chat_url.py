"""The URLs of chat rooms: as services hand them out, and what apprise would pass over."""

from pathlib import Path
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager

from service.sending.channels import ChannelError, open_channel
from service.sending.channels.chat import ChatChannel
from service.sending.channels.chat_url import ALLOWED
from tests.chat_room import Room, room_channel
from tests.sending.channels.chat_services import URLS

ROOT = Path(__file__).parents[3]
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV_jsJHMHI8qBe7bk2ZwO5U711o3dV_jsAbCd"
INVOKE = "triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=aB_c"


def refusal(url: str) -> str:
    with pytest.raises(ChannelError) as refused:
        open_channel("ops", url, drawer=Path("unused"))
    return str(refused.value)


def test_every_service_we_name_is_there() -> None:
    assert [schema for schema in sorted(ALLOWED) if schema not in NotificationManager()] == []


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack"),
        ("https://hooks.slack.com/triggers/T1JJ3T3L2/123/abcdef", "slack"),
        (f"https://discord.com/api/webhooks/417421629800000000/{TOKEN}", "discord"),
        (f"https://discordapp.com/api/webhooks/417421629800000000/{TOKEN}?thread=5", "discord"),
        (f"https://prod-9.westeurope.logic.azure.com:443/workflows/abc/{INVOKE}", "workflow"),
        (
            "https://default98.73.environment.api.powerplatform.com:443/powerautomate/automations/"
            f"direct/workflows/abc/{INVOKE}",
            "workflow",
        ),
        ("https://chat.googleapis.com/v1/spaces/AAAAj/messages?key=AIzaSy-x&token=abc", "gchat"),
        ("https://mattermost.example.org/hooks/abcdefghijklmnop", "mmost"),
        ("https://ntfy.sh/mytopic", "ntfy"),
    ],
)
def test_a_url_is_taken_as_the_service_hands_it_out(url: str, service: str) -> None:
    assert service in ChatChannel("ops", url)._plugin.schemas()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hooks/hunter2",
        "http://example.org/hunter2",
        "https://canary.discord.com/api/webhooks/417421629800000000/hunter2",
        "https://user:hunter2@hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIde7FQ",
    ],
)
def test_any_other_address_is_told_the_form_to_write(url: str) -> None:
    told = refusal(url)
    for form in ("slack://TOKEN_A/TOKEN_B/TOKEN_C", "discord://ID/TOKEN", "workflows://HOST"):
        assert form in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "url",
    [
        "msteams://Academy/T00A@T00B/T00C/T00D",
        "https://academy.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
        "https://outlook.office.com/webhook/a@b/IncomingWebhook/c/d",
    ],
)
def test_a_connector_of_teams_is_told_what_came_after_it(url: str) -> None:
    assert "Microsoft has retired" in refusal(url)
    assert "workflows://HOST:443/WORKFLOW/SIGNATURE" in refusal(url)


def test_the_rule_file_names_nothing_that_is_refused() -> None:
    for page in ("rules.yaml", "README.md", "docs/rules.md", "docs/settings.md"):
        assert "msteams" not in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ntfy://h.example/t?priorty=high", "parameter 1 is not known to ntfy; did you mean prior"),
        ("json://h.example/t?-a=b&hunter2=x", "parameter 2 is not known to JSON; see https://"),
        ("ntfy://h.example/t?image=maybe", "image=: expected yes or no"),
        ("jsons://h.example/t?verify=maybe", "verify=: expected yes or no"),
        ("ntfy://h.example/t?user=ada&pass=hunter%2541", "write user and password before the host"),
        ("telegram://123:abc/1", "got telegram://; did you mean tgram://?"),
        ("deltachat://ada:hunter2@h.example/a%40b.example", "got deltachat://"),
        ("ringc://15551234567:hunter2@client/secret/15557654321", "got ringc://"),
        ("drawer://hunter2", "expected drawer:// and nothing behind it"),
    ],
)
def test_what_nobody_would_hear_is_refused(url: str, told: str) -> None:
    assert told in refusal(url) and "hunter" not in refusal(url)


def test_parameters_that_a_service_reads_are_taken(outgoing: Any) -> None:
    ChatChannel("ops", "ntfys://h.example/t?priority=high&tags=a,b&image=no")
    ChatChannel("ops", "matrixs://ada:pw@h.example/#room?v=2")
    with Room() as room:
        url = f"{room.url}/?-a=1%262&+X-A=c"
        assert room_channel(url).send(outgoing()).kind == "accepted"
    assert room.paths == ["/hooks/s3cret-t0ken/?a=1%262"]


@pytest.mark.parametrize("schema", ["json", "jsons", "xml", "form"])
@pytest.mark.parametrize(
    "wish",
    [
        "method=DELETE", "method=delete", "method=GET", "method=HEAD", "method=OPTIONS",
        "+Host=intranet", "+transfer-encoding=chunked", "+Content-Length=0", "+Connection=close",
        "+Transfer%252DEncoding=chunked",
    ],
)  # fmt: skip
def test_a_url_posts_and_the_connection_is_ours(schema: str, wish: str) -> None:
    with pytest.raises(ChannelError, match=r"method=|query: "):
        ChatChannel("ops", f"{schema}://h.example/hook?{wish}")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_method_that_hands_a_message_over_is_taken(outgoing: Any, method: str) -> None:
    with Room() as room:
        channel = room_channel(f"{room.url}?method={method}&+X-Team=ops")
        assert channel.send(outgoing()).kind == "accepted"
        assert len(room.posts) == 1


@pytest.mark.parametrize("service", ["discord", "slack", "tgram", "workflows", "guilded"])
def test_no_file_of_this_machine_is_posted(tmp_path: Path, service: str) -> None:
    (tmp_path / "secret").write_text('{"text": "secret"}')
    url = f"{URLS[service].partition('?')[0]}?template={tmp_path / 'secret'}"
    with pytest.raises(ChannelError, match="template="):
        ChatChannel("ops", url)
