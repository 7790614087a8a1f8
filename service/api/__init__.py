"""Answer over HTTP: the API, the recipients' page, and the way in for webhooks."""

from service.api.access import refusal
from service.api.application import AsgiApplication

__all__ = ["AsgiApplication", "refusal"]
