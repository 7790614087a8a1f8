"""Settings: each variable is read, documented, and refused in one clear line."""

import re
from pathlib import Path

import pytest

from service.app.app import SOURCES, settings_of
from service.settings import PREFIX, SettingsError, prefix_of, table

DOCUMENT = Path(__file__).parent.parent / "docs" / "settings.md"
ROW = re.compile(r"^\| `(COURSEBELL_[\w<>]+)` \| (?:`([^`]*)`)? ?\| (\S.*) \|$", re.MULTILINE)


API = {f"ADOBE_API_{name}": "x" for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")}
SERVERS = {"KAFKA_BOOTSTRAP_SERVERS": "kafka-1:9092, kafka-2:9092"}


def mistakes(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings_of({PREFIX + name: value for name, value in environ.items()})
    return caught.value.mistakes


def test_the_table_names_every_setting_with_its_default_and_meaning() -> None:
    documented = {
        name: (default, meaning) for name, default, meaning in ROW.findall(DOCUMENT.read_text())
    }
    declared = table(["<source>"])
    assert documented == {PREFIX + n: (each.default, each.meaning) for n, each in declared.items()}


def test_the_document_names_every_source_and_its_lateness() -> None:
    text = DOCUMENT.read_text()
    for source in SOURCES:
        assert f"`{prefix_of(source.name)}`" in text, source.name


def test_without_any_variable_the_documented_defaults_hold() -> None:
    settings = settings_of({})
    assert (settings.data, settings.host, settings.port) == (Path("data"), "127.0.0.1", 8000)
    assert settings.timings["adobe"].lateness == 15 * 60_000
    assert settings.sources["adobe"].hmac_secret == ()
    assert settings.public_url is None and settings.admin_token is None
    assert settings.sources["adobe"].allow_unauthenticated is False


def test_values_are_read_in_their_own_units() -> None:
    settings = settings_of(
        {
            "COURSEBELL_ADOBE_HMAC_SECRET": "new, old,",
            "COURSEBELL_ADOBE_HMAC_HEADER": "X-Signature",
            "COURSEBELL_ADOBE_LATENESS": "1h30m",
            "COURSEBELL_PUBLIC_URL": "https://bell.example.org/learning/",
            "COURSEBELL_LOG_LEVEL": "WARNING",
        }
    )
    assert settings.sources["adobe"].hmac_secret == ("new", "old")
    assert settings.timings["adobe"].lateness == 5_400_000
    assert settings.public_url == "https://bell.example.org/learning"
    assert settings.log_level == "warning"


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes(PORT="80o0", LOG_FORMAT="xml", ADOBE_USERNAME="alm", LETTER_LIMIT="12")
    assert found == [
        "COURSEBELL_PORT: expected a number from 0 to 65535, got '80o0'",
        "COURSEBELL_LETTER_LIMIT: expected a number from 1024 to 67108864, got '12'",
        "COURSEBELL_LOG_FORMAT: expected one of text, json, got 'xml'",
        "COURSEBELL_ADOBE_PASSWORD: expected it beside COURSEBELL_ADOBE_USERNAME, got none",
    ]


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::", "::1", "fe80::1%lo", "my_host"])
def test_what_can_be_listened_on_is_taken(host: str) -> None:
    assert settings_of({"COURSEBELL_HOST": host}).host == host


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PORT": "65536"}, "COURSEBELL_PORT: expected a number from 0 to 65535, got '65536'"),
        ({"PORT": "tcp://10.0.0.1:80"}, "enableServiceLinks: false"),
        ({"PROT": "80"}, "COURSEBELL_PROT: unknown setting; did you mean COURSEBELL_PORT?"),
        ({"PUBLC_URL": "http://x"}, "did you mean COURSEBELL_PUBLIC_URL?"),
        ({"FLUX": "1"}, "COURSEBELL_FLUX: unknown setting; see docs/settings.md"),
        ({"DATABASE_URL": "x"}, "expected an address like postgresql://user@host"),
        (
            {"KAFKA_TOPIC": "a"},
            "expected it beside COURSEBELL_KAFKA_TOPIC",
        ),
        ({"KAFKA_BOOTSTRAP_SERVERS": "k:1"}, "got none, e.g. prod.telemetry.audit"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka", "KAFKA_TOPIC": "a"}, "expected host:port"),
        ({"KAFKA_CONFIG": "acks"}, "expected lines of name=value"),
        ({"KAFKA_TOPIC": "a b", **SERVERS}, "expected the name of a topic"),
        ({"SERVICEBUS_TOPIC": "a"}, "SERVICEBUS_CONNECTION_STRING: expected it beside"),
        ({"ADOBE_API_KEY": "x"}, "COURSEBELL_ADOBE_API_KEY: unknown setting; did you mean"),
        (
            {"ADOBE_API_CLIENT_SECRET": "x", "ADOBE_API_REFRESH_TOKEN": "y"},
            "COURSEBELL_ADOBE_API_CLIENT_ID: expected it beside COURSEBELL_ADOBE_API_REFRESH_TOKEN",
        ),
        (
            {"ADOBE_API_URL": "http://adobe.example", **API},
            "expected an address like https://learn",
        ),
        ({"ADOBE_API_MAX_AGE": "0", **API}, "expected a duration of 1h or more, e.g. 7d"),
        ({"ADOBE_API_SCHEME": "basic", **API}, "expected one of oauth, Bearer"),
        (
            {"ADOBE_API_SCHEME": "oauth"},
            "COURSEBELL_ADOBE_API_CLIENT_ID: expected it beside COURSEBELL_ADOBE_API_SCHEME",
        ),
        ({"ADOBE_PASSWORD": "x"}, "COURSEBELL_ADOBE_USERNAME: expected it beside"),
        ({"ADOBE_PASSWORD_OLD": "x"}, "COURSEBELL_ADOBE_PASSWORD: expected it beside"),
        ({"ADOBE_HMAC_SECRET": "x"}, "got none; look at what the sender"),
        ({"ADOBE_HMAC_HEADER": "X"}, "COURSEBELL_ADOBE_HMAC_SECRET: expected it beside"),
        ({"ADOBE_HMAC_SECRET": ",", "ADOBE_HMAC_HEADER": "X"}, "a secret, or several with commas"),
        ({"ADOBE_BEARER_TOKEN": "two words"}, "COURSEBELL_ADOBE_BEARER_TOKEN: expected a token"),
        ({"ADOBE_WEBHOOK_SECRET": "whsec_"}, "expected a secret like whsec_<base64>, or several"),
        ({"ADOBE_WEBHOOK_SECRET": "whsec_AAAAA"}, "expected a secret like whsec_<base64>"),
        ({"ADOBE_LATENESS": "soon"}, "expected a duration, e.g. 15m or 0, got 'soon'"),
        ({"ADOBE_ALLOW_UNAUTHENTICATED": "yes"}, "expected one of true, false, got 'yes'"),
        ({"MAIL_DOMAIN": "a b"}, "COURSEBELL_MAIL_DOMAIN: expected a domain"),
        ({"HOST": "http://x"}, "COURSEBELL_HOST: expected a host name"),
        ({"HOST": "localhost:8000"}, "without port or brackets"),
        ({"HOST": "[::1]"}, "without port or brackets"),
        ({"HOST": "256.0.0.1"}, "COURSEBELL_HOST: expected a host name or IP address"),
        ({"PUBLIC_URL": "https://[a"}, "expected an address like https://"),
        ({"PUBLIC_URL": "https://a.example:99999"}, "expected an address like https://"),
        ({"PUBLIC_URL": "https://a..example"}, "expected an address like https://"),
        ({"DATA": __file__}, "COURSEBELL_DATA: expected a folder, not a file"),
        ({"DATA": f"{__file__}/data"}, "COURSEBELL_DATA: expected a folder, not a file"),
        ({"TEMPLATES": __file__}, "COURSEBELL_TEMPLATES: expected a folder, not a file"),
        ({"RULES": "/"}, "COURSEBELL_RULES: expected a file, not a folder"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "k:99999", "KAFKA_TOPIC": "a"}, "ports from 1 to 65535"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "k:0", "KAFKA_TOPIC": "a"}, "ports from 1 to 65535"),
        ({"KAFKA_TOPIC": "..", **SERVERS}, "expected the name of a topic"),
        ({"KAFKA_TOPIC": "kursé", **SERVERS}, "expected the name of a topic"),
        ({"KAFKA_SSL_CA_LOCATION": "/no/such.pem"}, "expected the path of a file that is there"),
    ],
)
def test_a_mistake_is_one_clear_line(environ: dict[str, str], expected: str) -> None:
    (line,) = mistakes(**environ)
    assert expected in line and "\n" not in line


@pytest.mark.parametrize(
    "environ",
    [
        {"ADMIN_TOKEN": "hunter2 hunter2"},
        {"PUBLIC_URL": "https://ann:hunter2@example.org"},
        {"ADOBE_USERNAME": "hunter2:x", "ADOBE_PASSWORD": "hunter2"},
        {"ADOBE_HMAC_SECRET": "hunter2"},
        {"ADOBE_PASSWORD_OLD": "hunter2"},
        {"ADOBE_BEARER_TOKEN": "hunter2 hunter2"},
        {"ADOBE_WEBHOOK_SECRET": "hunter2?"},
        {"ADMIN_TOKEN_FILE": "/hunter2"},
        {"TOKN": "hunter2"},
    ],
)
def test_a_mistake_never_shows_a_secret(environ: dict[str, str]) -> None:
    assert "hunter2" not in "\n".join(mistakes(**environ))


def test_secrets_are_not_in_the_repr_of_the_settings() -> None:
    settings = settings_of(
        {"COURSEBELL_ADMIN_TOKEN": "hunter2", "COURSEBELL_EMAIL_URL": "mailtos://a:hunter2@b"}
    )
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "credentials",
    [
        {"ADOBE_USERNAME": "a", "ADOBE_PASSWORD": "b"},
        {"ADOBE_BEARER_TOKEN": "a"},
        {"ADOBE_WEBHOOK_SECRET": "whsec_AAAA"},
    ],
)
def test_credentials_and_an_open_door_contradict_each_other(credentials: dict[str, str]) -> None:
    (line,) = mistakes(**credentials, ADOBE_ALLOW_UNAUTHENTICATED="true")
    assert line.startswith("COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED: expected false")


def test_a_secret_can_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbft0ken\r\n")
    settings = settings_of({"COURSEBELL_ADMIN_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.admin_token == "t0ken"


def test_a_channels_url_can_be_in_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("json://chat\n")
    settings = settings_of({"COURSEBELL_CHAT_URL_FILE": str(tmp_path / "url"), "HOME": "/x"})
    assert settings.environment["COURSEBELL_CHAT_URL"] == "json://chat"
    assert settings.environment["HOME"] == "/x"


def test_a_value_and_a_file_for_one_setting_are_refused(tmp_path: Path) -> None:
    (line,) = mistakes(ADMIN_TOKEN="a", ADMIN_TOKEN_FILE=str(tmp_path / "token"))
    assert line.endswith("expected COURSEBELL_ADMIN_TOKEN or COURSEBELL_ADMIN_TOKEN_FILE, got both")


def test_a_missing_and_a_binary_file_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    found = mistakes(ADMIN_TOKEN_FILE=str(tmp_path / "no"), DATA_FILE=str(tmp_path / "binary"))
    assert [line.split(":")[0] for line in found] == [
        "COURSEBELL_ADMIN_TOKEN_FILE",
        "COURSEBELL_DATA_FILE",
    ]
    assert all("cannot be read" in line for line in found)


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "# ours\nCOURSEBELL_PORT=9000 # here\nexport COURSEBELL_HOST='::1'\n\n"
        'COURSEBELL_ADMIN_TOKEN="a#b"\nCOURSEBELL_RULES=my#rules.yaml\nOTHER=\n'
    )
    settings = settings_of({"COURSEBELL_PORT": "9001"}, dotenv=dotenv)
    assert (settings.port, settings.host, settings.admin_token) == (9001, "::1", "a#b")
    assert settings.rules == Path("my#rules.yaml")


def test_a_bad_line_of_dotenv_is_named_by_its_number_and_not_shown(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("COURSEBELL_PORT=9000\nhunter2\n")
    with pytest.raises(SettingsError) as caught:
        settings_of({}, dotenv=dotenv)
    assert caught.value.mistakes == [".env:2: expected NAME=value or # and a comment"]


def test_a_missing_dotenv_is_no_mistake(tmp_path: Path) -> None:
    assert settings_of({}, dotenv=tmp_path / ".env").port == 8000


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings_of({"COURSEBELL_PORT": ""}).port == 8000


def test_what_kubernetes_sets_for_a_service_of_our_name_is_passed_over() -> None:
    links = {"COURSEBELL_SERVICE_HOST": "10.0.0.1", "COURSEBELL_PORT_8000_TCP": "tcp://10.0.0.1"}
    assert settings_of(links).port == 8000


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("COURSEBELL_PORT=80\u200b00", "COURSEBELL_PORT: expected a number from 0 to 65535, got "
         "'80\\u200b00'; there is a ZERO WIDTH SPACE at character 3; take it out"),
        ("COURSEBELL_PORT=８000", "COURSEBELL_PORT: expected a number from 0 to 65535, got "
         "'８000'; there is a FULLWIDTH DIGIT EIGHT at character 1; write 8"),
        ("COURSEBELL_DATA=“data”", ".env:1: expected NAME=value or # and a comment; there is a "
         'LEFT DOUBLE QUOTATION MARK at column 17; write "'),
        ("COURSEBELL_PORT＝8000", ".env:1: expected NAME=value or # and a comment; there is a "
         "FULLWIDTH EQUALS SIGN at column 16; write ="),
        ("COURSEBELL_P\u041eRT=8000", "COURSEBELL_PОRT: unknown setting; did you mean "
         "COURSEBELL_PORT? There is a CYRILLIC CAPITAL LETTER O at character 13; write O"),
        ("COURS\u0415BELL_PORT=8000", "COURSЕBELL_PORT: unknown setting; there is a CYRILLIC "
         "CAPITAL LETTER IE at character 6; write E"),
    ],
)  # fmt: skip
def test_a_character_that_only_looks_right_is_named(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    with pytest.raises(SettingsError) as caught:
        settings_of({}, dotenv=tmp_path / ".env")
    assert caught.value.mistakes == [told]


def test_what_nobody_sees_at_the_end_of_a_line_is_no_part_of_a_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffCOURSEBELL_PORT=9000\u00a0\u200b\n")
    assert settings_of({}, dotenv=tmp_path / ".env").port == 9000


def test_networks_are_read_as_cidr_writes_them() -> None:
    settings = settings_of({"COURSEBELL_CHAT_PRIVATE_NETWORKS": "10.0.0.0/8, fd00::/8,127.0.0.1"})
    assert [str(each) for each in settings.chat_private_networks] == [
        "10.0.0.0/8", "fd00::/8", "127.0.0.1/32",
    ]  # fmt: skip
    for wrong in ("10.0.0.1/8", "localhost", "10.0.0.0/8,"):
        (line,) = mistakes(CHAT_PRIVATE_NETWORKS=wrong)
        assert "expected a network like 10.0.0.0/8" in line


def test_the_hour_of_reports_is_a_time_of_day_beside_an_application() -> None:
    given = {"ADOBE_API_CLIENT_ID": "c", "ADOBE_API_CLIENT_SECRET": "s"}
    given |= {"ADOBE_API_REFRESH_TOKEN": "r", "ADOBE_API_REPORT_AT": "3:30"}
    settings = settings_of({PREFIX + name: value for name, value in given.items()})
    assert settings.adobe_api.report_at == 12_600_000
    for wrong in ("24:00", "03:60", "3", "03:30:00", "03.30"):
        (mistake,) = mistakes(**given | {"ADOBE_API_REPORT_AT": wrong})
        assert "expected a time from 00:00 to 23:59" in mistake
    (mistake,) = mistakes(ADOBE_API_REPORT_AT="03:30")
    assert "COURSEBELL_ADOBE_API_CLIENT_ID" in mistake
