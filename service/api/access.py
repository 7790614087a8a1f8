"""Access: who may use the API (design §9)."""

from service.settings import Settings


def refusal(settings: Settings) -> str | None:
    """Why the service may not start with these settings; None when it may."""
    if settings.public_url and not settings.admin_token:
        return (
            "COURSEBELL_ADMIN_TOKEN: expected a token when COURSEBELL_PUBLIC_URL is set, got none; "
            "make one with `openssl rand -hex 32`"
        )
    return None
