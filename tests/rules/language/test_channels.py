"""Channels: secrets come from the environment and never get out of it."""

import pytest

from service.rules.language.errors import Diagnostic
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules

SECRET = "s3cr3t-t0k3n-of-ada@example.org"


def read(channel: str, **environ: str) -> tuple[dict[str, str] | None, list[Diagnostic]]:
    text = f"version: 1\nchannels:\n  email: {channel}\nrules: []\n"
    found, told = read_rules(text, environ=environ)
    assert SECRET not in repr((found, told))
    return found and found.channels, told


@pytest.mark.parametrize(
    ("channel", "environ", "url"),
    [
        ("drawer://", {}, "drawer://"),
        ("${URL}", {"URL": f"mailtos://a:{SECRET}"}, f"mailtos://a:{SECRET}"),
        ("${URL:-drawer://}", {}, "drawer://"),
        ("${URL:-drawer://}", {"URL": ""}, "drawer://"),
        ("${URL:-drawer://}", {"URL": "mailto://h"}, "mailto://h"),
        ("mailto://${USER}:${PASS}@h", {"USER": "a", "PASS": "b"}, "mailto://a:b@h"),
        (
            "mailto://smtp.example.org:25?from=learning@example.org",
            {},
            "mailto://smtp.example.org:25?from=learning@example.org",
        ),
        (
            "mailto://smtp.example.org?from=l@example.org&cc=archive2026@example.org",
            {},
            "mailto://smtp.example.org?from=l@example.org&cc=archive2026@example.org",
        ),
        ("json://server01:8080/hook", {}, "json://server01:8080/hook"),
        ("${URL}", {"URL": " mailto://h  "}, "mailto://h"),
    ],
)
def test_a_url_takes_its_secrets_from_the_environment(
    channel: str, environ: dict[str, str], url: str
) -> None:
    assert read(channel, **environ) == ({"email": url}, [])


NO_URL = "channel 'email' is not a URL; expected something like mailtos://… or slack://…"


@pytest.mark.parametrize(
    ("channel", "environ", "message"),
    [
        ("${URL}", {}, "the environment variable URL is not set and has no default here"),
        ("${URL}", {"URL": SECRET}, f"{NO_URL}; look at URL"),
        ("${URL}", {"URL": f"mailto://{SECRET}\n"}, f"{NO_URL}; look at URL"),
        ("${URL}", {"URL": f"'{SECRET}'"}, f"{NO_URL}, without quotes around it; look at URL"),
        ("smtp.example.org", {}, NO_URL),
        ("${URL}", {"URL": "smtps://h"}, NO_URL.replace("not a URL", "smtps://") + "; look at URL"),
        ("${1X}", {}, "cannot read this ${…}; write ${NAME} or ${NAME:-default}"),
    ],
)
def test_a_bad_url_is_told_without_its_value(
    channel: str, environ: dict[str, str], message: str
) -> None:
    found, told = read(channel, **environ)
    assert found is None
    assert [str(each) for each in told] == [f"rules.yaml:3:10: {message}"]


@pytest.mark.parametrize(
    "channel",
    [
        "mailtos://user:password@smtp.example.org",
        "mailtos://user:pa/ss@smtp.example.org",
        "mailtos://smtp.example.org?user=ada&pass=hunter2",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F",
        "mailto://user:${PASS:-hunter2}@h",
        "${URL:-mailto://user:hunter2@h}",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "json://host/0123456789abcdef0123456789abcdef",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(channel: str) -> None:
    found, told = read(channel)
    assert found is None
    assert [str(each) for each in told] == [
        (
            "rules.yaml:3:10: a secret is written into this file; put the whole URL into an "
            "environment variable and write ${COURSEBELL_EMAIL_URL}"
        )
    ]


def test_a_password_anywhere_else_is_refused_too() -> None:
    text = "version: 1\nrules: []\ndefaults: {timezone: 'mailto://ada:hunter2@h'}"
    (told,) = read_rules(text, environ={})[1]
    assert str(told) == (
        "rules.yaml:3:22: a password is written into this file; "
        "only channels may hold one, as ${NAME}"
    )


@pytest.mark.parametrize("text", ["ada@example.org", "xoxb1234567890abcdefgh", "a://b", "x" * 50])
def test_what_could_be_private_is_not_repeated(text: str) -> None:
    file = (
        f"version: 1\n{text}: 1\nchannels: {{{text}: 'drawer://'}}\n"
        f"rules: [{{id: {text}, mode: {text}, trigger: {{event: {text}}},\n"
        f"  conditions: [{{{text}: 1}}, enrollment.status: {text}, enrollment.progress: {text}],\n"
        f"  notify: [{{to: {text}, via: {text}, template: {text}}}]}}]\n"
        f"{text}: 2\n"
    )
    told = read_rules(file, environ={}, installed=Installed({"completed": frozenset({"email"})}))[1]
    assert len(told) >= 8
    assert not any(text in str(each) for each in told)


@pytest.mark.parametrize("name", ["COURSEBELL_ADMIN_TOKEN", "COURSEBELL_ADOBE_PASSWORD"])
@pytest.mark.parametrize("form", ["${%s}", "${%s:-x}"])
def test_a_secret_of_the_service_is_no_part_of_a_channel(name: str, form: str) -> None:
    channels, told = read(f"jsons://evil.example/{form % name}", **{name: SECRET})
    assert channels is None
    assert told[0].message.endswith(
        "is a setting of the service; name a variable that ends in _URL"
    )
