"""Declare the settings of each source: who may bring letters, and how its dates are read."""

from dataclasses import dataclass

from service.learners.directory.course_links import link_pattern
from service.learners.facts import Timing
from service.settings.variables import (
    BASE64,
    TOKEN,
    Needs,
    boolean,
    duration,
    lasting_or_never,
    one_of,
    optional,
    setting,
    several,
    shape,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Hold who may bring letters of one source by HTTP, and how late they may be, in ms."""

    username: str | None = setting(
        optional(shape(r"[^:\0-\x1f]+", "no colon")),
        "User name of the webhook with Basic authentication; needs the password too.",
        secret=True,
        needs=Needs("PASSWORD"),
    )
    password: str | None = setting(
        optional(str),
        "Password of the webhook with Basic authentication; needs the user name too.",
        secret=True,
        needs=Needs("USERNAME"),
    )
    password_old: str | None = setting(
        optional(str),
        "A second password that is accepted with the same user name, to replace one without a "
        "gap: set it to the old one, change the webhook, unset it.",
        secret=True,
        needs=Needs("PASSWORD"),
    )
    hmac_secret: tuple[str, ...] = setting(
        several(".+", "a secret"),
        "Secret of the sender's signature; several with commas between them are all accepted, "
        "to replace one without a gap. So a comma cannot be part of one.",
        secret=True,
        needs=Needs("HMAC_HEADER", "; look at what the sender's requests carry"),
    )
    hmac_header: str | None = setting(
        optional(shape(TOKEN, "the name of a header")),
        "Header that carries the signature; required with the secret. Adobe does not document "
        "its name: look at what your webhook sends.",
        needs=Needs("HMAC_SECRET"),
    )
    hmac_algorithm: str = setting(
        one_of("sha256", "sha384", "sha512", "sha1"),
        "`sha256`, `sha384`, `sha512` or `sha1`.",
        default="sha256",
    )
    hmac_encoding: str = setting(
        one_of("hex", "base64"), "How the signature is written: `hex` or `base64`.", default="hex"
    )
    hmac_prefix: str = setting(
        str, "What stands before the signature in the header, e.g. `sha256=`."
    )
    bearer_token: tuple[str, ...] = setting(
        several("[!-~]+", "a token"),
        "Token in `Authorization: Bearer`, for a relay in front of the door; several with "
        "commas between them are all accepted.",
        secret=True,
    )
    webhook_secret: tuple[str, ...] = setting(
        several(f"(whsec_)?{BASE64}", "a secret like whsec_<base64>"),
        "Secret of a relay that signs by [Standard "
        "Webhooks](https://www.standardwebhooks.com), `whsec_…`; several with commas between "
        "them are all accepted.",
        secret=True,
    )
    allow_unauthenticated: bool = setting(
        boolean,
        "`true` lets anyone who reaches the address post events, but no page of another site; "
        "refused beside credentials. To try it out, `coursebell run --try` is safer.",
        default="false",
    )
    lateness: int | None = setting(
        optional(duration),
        "How much later than it happened an event may be reported without looking like a new "
        "beginning; without it 15 minutes for Adobe, 75 seconds for Sunbird, none for "
        "Community Training.",
    )

    again_after: int | str | None = setting(
        optional(lasting_or_never),
        "How much later than the last completion another one must be dated to be a completion of "
        "its own, as in a yearly course, or `never`; what is dated within it says more of the "
        "same one. Without it `1d` for Adobe and Community Training, and `never` for Sunbird, "
        "which has a batch for each time and may tell of old completions again.",
    )
    course_url: str | None = setting(
        optional(link_pattern),
        "Link to a course for which an import has none, with `{course.id}`, or with "
        "`{course.type}` and `{course.number}`, what stands before and behind the colon of the "
        "id, and `{event.account}`: `https://lms.example.org/course/{course.id}`.",
    )
    timing: Timing
    """How its dates are read, by these settings or the source itself."""

    @property
    def has_credentials(self) -> bool:
        """Tell whether there is any way to prove who sends."""
        ways = (self.username, self.hmac_secret, self.bearer_token, self.webhook_secret)
        return any(ways)
