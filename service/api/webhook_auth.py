"""Doors: who may bring letters of which source by HTTP, by the settings."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Literal, cast

from service.app.queues import fed_by_queues
from service.incoming.verifiers import (
    AllowEverybody,
    Authenticator,
    BasicCredentials,
    BearerToken,
    HmacSignature,
    SenderVerifier,
    StandardWebhooks,
)
from service.settings import Settings, SourceSettings

NAMES = {
    BasicCredentials: "Basic",
    HmacSignature: "HMAC",
    StandardWebhooks: "Standard Webhooks",
    BearerToken: "bearer token",
}


def doorkeepers(settings: Settings) -> Mapping[str, Authenticator]:
    """The ways into each source; one without credentials is closed."""
    return {
        name: Authenticator(
            *_ways(source), *([AllowEverybody()] if source.allow_unauthenticated else [])
        )
        for name, source in settings.sources.items()
    }


def opened_to_try(settings: Settings) -> Settings:
    """The same with every door open, as long as this is a trial: only this machine reaches it.

    Credentials of any source, or a queue, are the end of the trial: a proxy may stand in front,
    and whoever reaches that would reach the other doors too.
    """
    in_use = fed_by_queues(settings) or any(s.has_credentials for s in settings.sources.values())
    if in_use or not _is_this_machine(settings.host):
        return settings
    sources = {
        name: replace(source, allow_unauthenticated=True)
        for name, source in settings.sources.items()
    }
    return replace(settings, sources=sources)


def in_words(source: SourceSettings, host: str) -> str:
    """How one gets through a source's door."""
    if source.allow_unauthenticated:
        return f"open to {'this machine' if _is_this_machine(host) else 'all who reach it'}"
    ways = [NAMES[type(way)] for way in _ways(source)]
    return " or ".join(ways) or "closed: no credentials configured"


def _ways(source: SourceSettings) -> list[SenderVerifier]:
    ways: list[SenderVerifier] = []
    if source.username:
        passwords = filter(None, (source.password, source.password_old))
        ways.append(BasicCredentials(*((source.username, password) for password in passwords)))
    if source.hmac_secret and source.hmac_header:
        ways.append(
            HmacSignature(
                source.hmac_header,
                source.hmac_secret,
                algorithm=source.hmac_algorithm,
                encoding=cast(Literal["hex", "base64"], source.hmac_encoding),
                prefix=source.hmac_prefix,
            )
        )
    if source.webhook_secret:
        ways.append(StandardWebhooks(source.webhook_secret))
    if source.bearer_token:
        ways.append(BearerToken(*source.bearer_token))
    return ways


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
