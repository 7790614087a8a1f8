"""Read the URL of a chat room: apprise's form, or the https address a service hands out."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote, urlsplit

from apprise import NotifyType, OverflowMode

from service.rules.text import nearest
from service.sending.channels.apprise_plugin import asset, plugin_at, service_reading
from service.sending.channels.channel import ChannelError
from service.sending.channels.private_networks import HINT, Network, reaches_none
from service.sending.channels.url_parts import CUT_OFF, UrlRefused, parts_of, yes_or_no

# Rooms, push services and webhooks that speak HTTP. Not here: mail (our own SMTP does that),
# text messages, and whatever acts on this machine (dbus, gnome, macosx, windows, syslog).
SCHEMAS = """
apprise apprises bark barks betterstack bluesky bsky chanify cliq dingtalk discord dot evolution
evolutions feishu flock fluxer fluxers form forms gchat goalert goalerts gotify gotifys groupme
guilded hassio hassios humhub ifttt ilert incidentio jira join json jsons kook lametric
lametrics lark line mastodon mastodons matrix matrixs misskey misskeys mmost mmosts ncloud
nclouds nctalk nctalks notica noticas notifiarr notifico ntfy ntfys onebot onebots onesignal
opsgenie pagerduty pagertree pbul pjet pjets pover prowl psafer pushdeer pushdeers pushed pushme
pushplus pushy reddit revolt rocket rockets ryver signal signals signl4 simplepush slack spike
splunk spugpush spush squadcast stackfield strmlabs synology synologys tgram threema toot toots
trigv trigvs twist victorops vapid webex wecom wecombot workflow workflows wpush wxpusher wxteams
xml xmls zcliq zohocliq zoom zulip
"""
ALLOWED = frozenset(SCHEMAS.split())
NAMES = {"telegram": "tgram", "teams": "workflows", "mattermost": "mmosts", "googlechat": "gchat"}
"""What a scheme is called by who has not read apprise's list."""

HANDED_OUT = frozenset({"http", "https"})
RETIRED = re.compile(
    r"msteams://|https?://(?:[\w.-]+\.)?(?:webhook\.office\.com|office\.com/webhook)"
)
NO_POST = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "UPDATE"})
CONNECTION_HEADERS = """
connection content-length expect host keep-alive proxy-authorization proxy-connection te trailer
transfer-encoding upgrade
"""
OF_THE_CONNECTION = frozenset(CONNECTION_HEADERS.split())
"""Headers that say to whom a request is and where it ends (RFC 9110 §7.6.1, RFC 9112 §6)."""
WORKFLOW = {"sp": "/triggers/manual/run", "sv": "1.0"}
"""What stands in every URL of a Teams workflow, and apprise sends without being told."""

FORMS = (
    "expected a URL as the service hands it out, https://hooks.slack.com/services/…, "
    "https://discord.com/api/webhooks/…, https://chat.googleapis.com/v1/spaces/…, "
    "https://….api.powerplatform.com:443/powerautomate/… or "
    "https://….logic.azure.com:443/workflows/…; or slack://TOKEN_A/TOKEN_B/TOKEN_C, "
    "discord://ID/TOKEN, gchat://SPACE/KEY/TOKEN, workflows://HOST:443/WORKFLOW/SIGNATURE, "
    "mmosts://HOST/TOKEN, ntfys://HOST/TOPIC, or jsons://HOST/PATH for a webhook of your own"
)


def room_at(name: str, url: str, total_seconds: float) -> Any:
    """Return apprise's plugin for the URL of channel `name`: one room, one try, no pauses.

    Raises ChannelError without repeating the URL.
    """
    try:
        plugin = _plugin(url, total_seconds)
        _refuse_what_is_no_post(plugin)
    except UrlRefused as refused:
        raise ChannelError(f"channel '{name}': {refused}") from None
    plugin.redirects = False
    plugin.request_rate_per_sec = 0
    plugin.overflow_mode = OverflowMode.UPSTREAM
    if getattr(plugin, "mapping", {}).get(NotifyType.INFO) == "note":
        # Opsgenie and Jira: a note to an alert that is not there would be posted nowhere.
        plugin.mapping[NotifyType.INFO] = "new"
    if getattr(plugin, "use_blocks", False):
        # https://docs.slack.dev/reference/block-kit/blocks: a header block, and a section block
        plugin.title_maxlen, plugin.body_maxlen = 150, 3_000
    return plugin


def service_of(plugin: Any, url: str) -> str:
    """Name the service that a URL posts to, and its host where that is no part of a secret.

    In apprise's own forms a token may stand in the place of the host.
    """
    handed_out = urlsplit(url.strip()) if _known_schema(url) in HANDED_OUT else None
    host = handed_out.hostname if handed_out else None
    if host is None and all("{host}" in form for form in plugin.templates):
        host = plugin.host
    return f"{plugin.service_name}{f' at {host}' if host else ''}"


def _plugin(url: str, total_seconds: float) -> Any:
    schema = _known_schema(url)
    parts = parts_of(url)
    if parts.user is None and "@" in url.partition("?")[2]:
        raise UrlRefused(CUT_OFF)  # no room is named like that, but the rest of a password is
    plugin: Any = plugin_at(url, asset(total_seconds))
    if schema in HANDED_OUT and (plugin.schemas() if plugin else set()).isdisjoint(ALLOWED):
        raise UrlRefused(FORMS)
    if plugin is None:
        raise UrlRefused(
            f"the {schema}:// URL has a part too few or one that is malformed; "
            f"see https://appriseit.com/services/ for its form"
        )
    plugin.retry = 0  # else each try counts as a room
    if len(plugin) != 1:
        raise UrlRefused(
            f"expected a URL with one room, got {len(plugin)}; make a channel for each"
        )
    if "template" in parts.query and "onesignal" not in plugin.schemas():
        # apprise would read it, from a file of this machine or by HTTP, and post it.
        raise UrlRefused(
            "query: expected no template=; the words are those of the templates folder"
        )
    for number, (name, value) in enumerate(parts.query.items(), 1):
        if not _takes(plugin, name, value) and not _is_heard(url, name):
            raise UrlRefused(f"query: parameter {number} {_unheard(plugin, name)}")
    return plugin


def _unheard(plugin: Any, name: str) -> str:
    near = nearest(name, plugin.template_args)
    hint = f"did you mean {near}=?" if near else f"see {plugin.setup_url}"
    return f"is not known to {plugin.service_name}; {hint}"


def refuse_private_host(name: str, plugin: Any, private_networks: Sequence[Network]) -> None:
    """Refuse the host of channel `name` if it is known without DNS. Raises ChannelError.

    Another is looked at when it is connected to. Where there is a form without, it may be a token.
    """
    names_host = all("{host}" in form for form in plugin.templates)
    if names_host and reaches_none(plugin.host or "", private_networks):
        told = f"host: it is loopback, link-local or private; {HINT}"
        raise ChannelError(f"channel '{name}': {told}")


def _refuse_what_is_no_post(plugin: Any) -> None:
    """Refuse a method that hands nothing over, and headers that are the connection's."""
    if str(getattr(plugin, "method", "POST")).upper() in NO_POST:
        raise UrlRefused("method=: expected POST, PUT or PATCH, which hand a message over")
    if "headers" not in plugin.template_kwargs:
        return
    for name in plugin.headers:
        if name.strip().lower() in OF_THE_CONNECTION:
            raise UrlRefused(
                f"query: expected no +{name.strip()}=, which the connection sets; leave it out"
            )


def _known_schema(url: str) -> str:
    """Give what stands before the `://`, in small letters, if it is a service we post to."""
    schema, colon, _ = url.lower().partition("://")
    if RETIRED.match(url.lower()):
        raise UrlRefused(
            "Microsoft has retired the connectors of Teams; make a workflow in Teams that posts "
            "when a webhook request is received, and write the https:// URL it shows, or "
            "workflows://HOST:443/WORKFLOW/SIGNATURE"
        )
    if not colon or schema not in ALLOWED | HANDED_OUT:
        is_named = colon and re.fullmatch(r"[a-z0-9-]{1,20}", schema)
        raise UrlRefused(
            "expected mailto://, drawer:// or a chat service such as slack://, workflows://, "
            f"discord://, ntfy://, json://; got {_with_near(schema) if is_named else 'none'}"
        )
    return schema


def _with_near(schema: str) -> str:
    close = get_close_matches(schema, ALLOWED, n=1, cutoff=0.75)
    near = NAMES.get(schema) or next(iter(close), None)
    return f"{schema}://" + (f"; did you mean {near}://?" if near else "")


def _takes(plugin: Any, name: str, value: str) -> bool:
    """Tell whether a service declares a parameter; refuse a value that it reads otherwise."""
    prefixes = {each.get("prefix") for each in plugin.template_kwargs.values()}
    if plugin.template_args.get(name, {}).get("type") == "bool":
        yes_or_no(name, value)
    if name in ("user", "pass", "password") and unquote(value) != value:
        # apprise decodes these twice.
        raise UrlRefused("query: write user and password before the host, user:password@HOST")
    return name in plugin.template_args or name[:1] in prefixes or WORKFLOW.get(name) == value


def _is_heard(url: str, name: str) -> bool:
    """Tell whether a service reads its URL otherwise without a parameter; not all are declared."""
    head, _, query = url.partition("?")
    others = [pair for pair in query.split("&") if unquote(pair.partition("=")[0]).lower() != name]
    without = f"{head}?{'&'.join(others)}" if others else head
    return service_reading(url) != service_reading(without)
