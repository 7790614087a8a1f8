"""The table: every variable with its default and how it is read, and what the values become."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.settings.values import (
    BASE64,
    DOMAIN,
    TOKEN,
    Setting,
    boolean,
    duration,
    number,
    one_of,
    optional,
    path,
    properties,
    public_url,
    several,
    shape,
)

PREFIX = "COURSEBELL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Who may bring letters of one source by HTTP, and how late they may be."""

    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    password_old: str | None = field(repr=False)
    """Accepted as well, so that the password can be replaced without a gap."""
    hmac_secret: tuple[str, ...] = field(repr=False)
    """Each of these is accepted, so that one can be replaced without a gap."""
    hmac_header: str | None
    hmac_algorithm: str
    hmac_encoding: str
    hmac_prefix: str
    bearer_token: tuple[str, ...] = field(repr=False)
    webhook_secret: tuple[str, ...] = field(repr=False)
    """Secrets of Standard Webhooks, as the sender shows them."""
    allow_unauthenticated: bool
    lateness: int
    """Milliseconds."""

    @property
    def has_credentials(self) -> bool:
        """Whether there is any way to prove who one is."""
        ways = (self.username, self.hmac_secret, self.bearer_token, self.webhook_secret)
        return any(ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person who runs the service decided; secrets are not in its repr."""

    data: Path
    rules: Path
    templates: Path
    host: str
    port: int
    public_url: str | None
    """Without a slash at its end."""
    admin_token: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    """What links are signed with; without it the data folder has a key of its own."""
    letter_limit: int
    """Bytes."""
    storm_limit: int
    """Notifications of old news and of the clock that a rule may owe in an hour; beyond, held."""
    mail_domain: str | None
    log_format: str
    log_level: str
    kafka_bootstrap_servers: str | None
    """Kafka is read when this is set."""
    kafka_topic: tuple[str, ...]
    kafka_group_id: str
    kafka_security_protocol: str | None
    kafka_sasl_mechanism: str | None
    kafka_sasl_username: str | None = field(repr=False)
    kafka_sasl_password: str | None = field(repr=False)
    kafka_ssl_ca_location: str | None
    kafka_config: Mapping[str, str] = field(repr=False)
    """More properties of librdkafka."""
    servicebus_connection_string: str | None = field(repr=False)
    """Azure Service Bus is read when this is set."""
    servicebus_topic: str
    servicebus_subscription: str
    sources: Mapping[str, SourceSettings]
    """By the name of the source."""
    environment: Mapping[str, str] = field(repr=False)
    """What `${NAME}` in the rules' channels may name: the environment over `.env`."""


TABLE = {
    "DATA": Setting("./data", path),
    "RULES": Setting("rules.yaml", path),
    "TEMPLATES": Setting("templates", path),
    "HOST": Setting("127.0.0.1", shape(r"[^\s/@]+", "a host name or IP address")),
    "PORT": Setting("8000", number(0, 65_535)),
    "PUBLIC_URL": Setting("", optional(public_url), secret=True),
    "ADMIN_TOKEN": Setting(
        "", optional(shape(r"[!-~]+", "visible ASCII characters without blanks")), secret=True
    ),
    "SECRET_KEY": Setting(
        "",
        optional(shape(r"[!-~]{32,}", "32 visible ASCII characters or more, without blanks")),
        secret=True,
    ),
    "LETTER_LIMIT": Setting("1048576", number(1_024, 67_108_864)),
    "STORM_LIMIT": Setting("500", number(1, 1_000_000)),
    "MAIL_DOMAIN": Setting("", optional(shape(DOMAIN, "a domain like example.org"))),
    "LOG_FORMAT": Setting("text", one_of("text", "json")),
    "LOG_LEVEL": Setting("info", one_of("debug", "info", "warning", "error")),
    "KAFKA_BOOTSTRAP_SERVERS": Setting(
        "",
        optional(shape(r"[^\s,/@]+:\d+(, ?[^\s,/@]+:\d+)*", "host:port, or several with commas")),
        secret=True,
    ),
    "KAFKA_TOPIC": Setting("", several(r"[\w.-]{1,249}", "the name of a topic")),
    "KAFKA_GROUP_ID": Setting("coursebell", shape(r"\S+", "a name without blanks")),
    "KAFKA_SECURITY_PROTOCOL": Setting(
        "", optional(one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))
    ),
    "KAFKA_SASL_MECHANISM": Setting(
        "", optional(one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"))
    ),
    "KAFKA_SASL_USERNAME": Setting("", optional(str), secret=True),
    "KAFKA_SASL_PASSWORD": Setting("", optional(str), secret=True),
    "KAFKA_SSL_CA_LOCATION": Setting("", optional(str)),
    "KAFKA_CONFIG": Setting("", properties, secret=True),
    "SERVICEBUS_CONNECTION_STRING": Setting("", optional(str), secret=True),
    "SERVICEBUS_TOPIC": Setting("MCTEvents", shape(r"[\w./-]{1,260}", "the name of a topic")),
    "SERVICEBUS_SUBSCRIPTION": Setting(
        "coursebell", shape(r"[\w.-]{1,50}", "the name of a subscription")
    ),
}
"""What there is once."""

OF_EACH_SOURCE = {
    "USERNAME": Setting("", optional(shape(r"[^:\0-\x1f]+", "no colon")), secret=True),
    "PASSWORD": Setting("", optional(str), secret=True),
    "PASSWORD_OLD": Setting("", optional(str), secret=True),
    "HMAC_SECRET": Setting("", several(".+", "a secret"), secret=True),
    "HMAC_HEADER": Setting("", optional(shape(TOKEN, "the name of a header"))),
    "HMAC_ALGORITHM": Setting("sha256", one_of("sha256", "sha384", "sha512", "sha1")),
    "HMAC_ENCODING": Setting("hex", one_of("hex", "base64")),
    "HMAC_PREFIX": Setting("", str),
    "BEARER_TOKEN": Setting("", several("[!-~]+", "a token"), secret=True),
    "WEBHOOK_SECRET": Setting(
        "", several(f"(whsec_)?{BASE64}", "a secret like whsec_<base64>"), secret=True
    ),
    "ALLOW_UNAUTHENTICATED": Setting("false", boolean),
    "LATENESS": Setting("", optional(duration)),
}
"""What there is for each source, after its prefix; its own allowance is the default lateness."""


def prefix_of(source: str) -> str:
    """How the variables of a source begin: `community-training` is COMMUNITY_TRAINING_."""
    return f"{source.upper().replace('-', '_')}_"


def table(sources: Iterable[str]) -> dict[str, Setting]:
    """Every variable without COURSEBELL_, for these sources."""
    own = {
        prefix_of(source) + name: setting
        for source in sources
        for name, setting in OF_EACH_SOURCE.items()
    }
    return TABLE | own
