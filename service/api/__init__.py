"""The API: everything that is asked over HTTP, and the webhooks' way to the door."""

from service.api.access import refusal
from service.api.site import Site, web

__all__ = ["Site", "refusal", "web"]
