"""Declare every setting once: name, default, reader, meaning, and what else it needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from service.learners.facts import Timing
from service.ledger.location import LedgerLocation
from service.ledger.private_files import DRAWER_FOLDER
from service.settings.adobe_api import ADOBE_API, AdobeApiSettings
from service.settings.bounce_reports import BOUNCES, BounceSettings
from service.settings.sources import SourceSettings
from service.settings.variables import (
    DOMAIN,
    Needs,
    Setting,
    address,
    duration,
    existing_file,
    file,
    folder,
    mail_address,
    networks,
    number,
    one_of,
    optional,
    properties,
    public_url,
    servers,
    setting,
    several,
    shape,
)

PREFIX = "COURSEBELL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold what the person who runs the service decided; secrets are not in its repr."""

    data: Path = setting(
        folder,
        "Folder of the ledger, the views and the drawer. It and what is in it are for their "
        "owner only, and are made so again at each start.",
        default="./data",
    )
    database_url: str | None = setting(
        optional(shape(r"postgres(ql)?://\S+", "an address like postgresql://user@host/database")),
        "PostgreSQL that holds the ledger instead of a file in the data folder, e.g. "
        "`postgresql://coursebell@db.example.org/coursebell`; needs the extra, `pip install "
        "'coursebell[postgres]'`. The folder then holds what this machine can make anew.",
        secret=True,
    )
    rules: Path = setting(file, "The rule file.", default="rules.yaml")
    templates: Path = setting(folder, "Folder of the message templates.", default="templates")
    host: str = setting(
        address,
        "Address the service listens on.",
        default="127.0.0.1",
    )
    port: int = setting(
        number(0, 65_535), "Port the service listens on; 0 takes any free one.", default="8000"
    )
    public_url: str | None = setting(
        optional(public_url),
        "Address under which recipients reach the service, e.g. `https://coursebell.example.org`. "
        "Without it mails have no link to [what their reader chooses]"
        "(rules.md#what-readers-choose), and no button to stop them.",
        secret=True,
    )
    admin_token: str | None = setting(
        optional(shape(r"[!-~]+", "visible ASCII characters without blanks")),
        "Bearer token of the API and of `/metrics`; without it they answer on loopback only, and "
        "nobody once a source has credentials or a queue is set.",
        secret=True,
    )
    read_token: tuple[str, ...] = setting(
        several("[!-~]+", "a token of visible ASCII characters without blanks"),
        "Bearer token that reads what the API lists, `/metrics` and the details of `/readyz`, and "
        "commands nothing; several with commas between them are all accepted, to replace one "
        "without a gap. Without the token above, commands are off.",
        secret=True,
    )
    secret_key: str | None = setting(
        optional(shape(r"[!-~]{32,}", "32 visible ASCII characters or more, without blanks")),
        "What the links in messages are signed with, 32 characters or more, e.g. of `openssl "
        "rand -hex 32`. Without it a key is made once, in `secret.key` in the data folder. "
        "Another key makes every link of earlier messages useless.",
        secret=True,
    )
    letter_limit: int = setting(
        number(1_024, 67_108_864),
        "Largest delivery taken in, in bytes, from 1024 to 67108864.",
        default="1048576",
    )
    import_limit: int = setting(
        number(1_024, 17_179_869_184),
        "Largest import of people or courses taken in by HTTP, in bytes, from 1024 to "
        "17179869184; it lies in the data folder while it is read.",
        default="268435456",
    )
    import_max_age: int | None = setting(
        optional(duration),
        "How old the last import of people of each source may be, e.g. `2d`; beyond it `/readyz`, "
        "`coursebell status` and `check` warn. Without it they never do.",
    )
    storm_limit: int = setting(
        number(1, 1_000_000),
        "How many notifications a rule may owe in an hour because of the clock or of events "
        "more than a day old; what is beyond is held until `coursebell notifications "
        "release`. What comes in time is never held.",
        default="500",
    )
    removal_delay: int = setting(
        duration,
        "How long what a rule owes is held, when the rule file that has just become active says "
        "so no more, before it is cancelled; 0 cancels at once. If the rule is back before, "
        "nothing was lost.",
        default="10m",
    )
    mail_domain: str | None = setting(
        optional(shape(DOMAIN, "a domain like example.org")),
        "Domain in the Message-ID of mails; without it the domain of the channel's from address.",
    )
    email_connections: int = setting(
        number(1, 50),
        "How many connections to its mail server a mail channel opens at most, from 1 to 50; the "
        "second when more waits than the first sends within a second. A server that takes fewer "
        "refuses the others, and each of those tries again with one mail a minute. After a crash "
        "as many mails may come twice.",
        default="3",
    )
    email_per_domain: int | None = setting(
        optional(number(1, 1_000_000)),
        "How many mails a minute a mail channel sends at most to one domain, that is what stands "
        "behind the @; the others wait for their minute, as `scheduled` (`pace`), while mail to "
        "other domains passes them. Without it as many as its server takes.",
    )
    redirect_all_to: str | None = setting(
        optional(mail_address),
        "For an installation that is tried out: the one address to which every mail of every "
        "channel goes instead of its reader, e.g. `me@example.org`. Subject and first line say "
        "whom it was for; there are no copies, no `Reply-To` and no `List-Unsubscribe`, and what "
        "is for a chat goes to the drawer.",
        secret=True,
    )
    chat_private_networks: tuple[IPv4Network | IPv6Network, ...] = setting(
        networks,
        "Networks with private addresses that chat may post into, e.g. `10.0.0.0/8`; several with "
        "commas between them. Without it only public addresses: what a rule file names must not "
        "reach what trusts this machine.",
    )
    log_format: str = setting(
        one_of("text", "json"), "`text` for people or `json` for programs.", default="text"
    )
    log_level: str = setting(
        one_of("debug", "info", "warning", "error"),
        "`debug`, `info`, `warning` or `error`.",
        default="info",
    )
    kafka_bootstrap_servers: str | None = setting(
        optional(servers),
        "`host:port`, or several with commas between them. Setting it makes Kafka a door for "
        "Sunbird; needs the extra, `pip install 'coursebell[kafka]'`.",
        secret=True,
        needs=Needs("KAFKA_TOPIC", ", e.g. prod.telemetry.audit"),
    )
    kafka_topic: tuple[str, ...] = setting(
        several(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}", "the name of a topic"),
        "The topic, e.g. `prod.telemetry.audit`; several with commas between them. "
        "`prod.delete.user` says whose account was deleted, "
        "`prod.lms.user.account.merge` which accounts became one.",
        needs=Needs("KAFKA_BOOTSTRAP_SERVERS", ", e.g. kafka:9092"),
    )
    kafka_group_id: str = setting(
        shape(r"\S+", "a name without blanks"),
        "The consumer group, which keeps how far was read. One group for one data folder: two "
        "services in one group would tell of some events twice.",
        default="coursebell",
        needs=Needs("KAFKA_BOOTSTRAP_SERVERS"),
    )
    kafka_security_protocol: str | None = setting(
        optional(one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
        "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
    )
    kafka_sasl_mechanism: str | None = setting(
        optional(one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
        "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
    )
    kafka_sasl_username: str | None = setting(
        optional(str),
        "User name; needs the password too.",
        secret=True,
        needs=Needs("KAFKA_SASL_PASSWORD"),
    )
    kafka_sasl_password: str | None = setting(
        optional(str),
        "Password; needs the user name too.",
        secret=True,
        needs=Needs("KAFKA_SASL_USERNAME"),
    )
    kafka_ssl_ca_location: str | None = setting(
        optional(existing_file),
        "File of the certificate authorities, if the system's are not the right ones.",
    )
    kafka_config: Mapping[str, str] = setting(
        properties,
        "More [properties of "
        "librdkafka](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md), "
        "`name=value`, one a line; several stand in a file, `COURSEBELL_KAFKA_CONFIG_FILE`.",
        secret=True,
    )
    servicebus_connection_string: str | None = setting(
        optional(str),
        "`Endpoint=sb://…`, of a policy that may Listen. Setting it makes Azure Service Bus a "
        "door for Community Training; needs the extra, `pip install "
        "'coursebell[servicebus]'`.",
        secret=True,
    )
    servicebus_topic: str = setting(
        shape(r"[\w./-]{1,260}", "the name of a topic"),
        "The topic.",
        default="MCTEvents",
        needs=Needs("SERVICEBUS_CONNECTION_STRING"),
    )
    servicebus_subscription: str = setting(
        shape(r"[\w.-]{1,50}", "the name of a subscription"),
        "The subscription of the topic; it must be there. A lock of a minute suits; set its "
        "maximum delivery count high (100), and watch its dead letters: a service that dies "
        "again and again with a message in hand costs that message a delivery each time.",
        default="coursebell",
        needs=Needs("SERVICEBUS_CONNECTION_STRING"),
    )
    adobe_api: AdobeApiSettings
    bounces: BounceSettings
    sources: Mapping[str, SourceSettings]
    """By the name of the source."""
    environment: Mapping[str, str] = field(repr=False)
    """What `${NAME}` in the rules' channels may name: the environment over `.env`."""

    @property
    def ledger(self) -> LedgerLocation:
        """Say where the ledger is."""
        return LedgerLocation(self.data, self.database_url)

    @property
    def drawer(self) -> Path:
        """Give the folder of the channels that are `drawer://`."""
        return self.data / DRAWER_FOLDER

    @property
    def timings(self) -> dict[str, Timing]:
        """Give how the dates of each source are read, by its name."""
        return {name: source.timing for name, source in self.sources.items()}

    @property
    def course_urls(self) -> dict[str, str]:
        """Give the patterns of the links to courses, by source."""
        found = {name: source.course_url for name, source in self.sources.items()}
        return {name: pattern for name, pattern in found.items() if pattern}


def declared(
    kind: type[Settings | SourceSettings | AdobeApiSettings | BounceSettings],
) -> dict[str, Setting]:
    """List the variables of a class by their names without prefix."""
    return {
        each.name.upper(): each.metadata["setting"]
        for each in fields(kind)
        if "setting" in each.metadata
    }


def prefix_of(source: str) -> str:
    """Name how the variables of a source begin: `community-training` is COMMUNITY_TRAINING_."""
    return f"{source.upper().replace('-', '_')}_"


def table(sources: Iterable[str]) -> dict[str, Setting]:
    """List every variable without COURSEBELL_, for these sources."""
    own = declared(SourceSettings)
    api = {ADOBE_API + name: each for name, each in declared(AdobeApiSettings).items()}
    bounces = {BOUNCES + name: each for name, each in declared(BounceSettings).items()}
    return (
        declared(Settings)
        | api
        | bounces
        | {prefix_of(source) + name: each for source in sources for name, each in own.items()}
    )
