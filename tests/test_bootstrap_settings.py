"""The settings module against the contract: every name, its default, and values that people get wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webmail.listen import BadListen, is_loopback, parse_endpoints, parse_networks, parse_size

BASE = Path(__file__).resolve().parent.parent

CONTRACT = (
    "DATA_DIR DATABASE_URL REDIS_URL BLOB_URL MAIL_HOSTNAME WEB_LISTEN HTTPS_LISTEN TRUSTED_PROXIES PUBLIC_URL "
    "CONTENT_ORIGIN SMTP_LISTEN SUBMISSION_LISTEN SUBMISSIONS_LISTEN IMAP_LISTEN IMAPS_LISTEN POP3_LISTEN "
    "POP3S_LISTEN LMTP_LISTEN METRICS_LISTEN TLS_CERT TLS_KEY PROXY_FROM MAX_MESSAGE_SIZE UNDO_DAYS "
    "ALLOW_PRIVATE_NETWORKS DNS_SERVERS RELAY_PORT RELAY_SMARTHOST DEMO_SANDBOX LIMITS_EXEMPT RSPAMD_URL "
    "CLAMD_URL SECRET_KEY"
).split()


def settings(data_dir: Path, **environment: str) -> dict[str, object]:
    """The settings as a process sees them that starts with this environment and no other."""
    code = (
        "import json, webmail.settings as s;"
        "print(json.dumps({k: getattr(s, k) for k in dir(s) if k.isupper()}, default=str))"
    )
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG"}}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE,
        env=kept | {"DATA_DIR": str(data_dir)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BadListen(done.stderr)
    loaded: dict[str, object] = json.loads(done.stdout)
    return loaded


def test_every_setting_of_the_contract_is_read() -> None:
    text = (BASE / "webmail" / "settings.py").read_text()
    assert [name for name in CONTRACT if f'"{name}"' not in text] == []


def test_the_readme_explains_every_setting() -> None:
    text = (BASE / "README.md").read_text()
    assert [name for name in CONTRACT if f"`{name}`" not in text] == []


def test_defaults_are_on_loopback_and_need_no_server(tmp_path: Path) -> None:
    read = settings(tmp_path)
    assert read["WEB_LISTEN"] == [["127.0.0.1", 8000]]
    assert read["SMTP_LISTEN"] == [["127.0.0.1", 2525]]
    assert read["LMTP_LISTEN"] == [] and read["HTTPS_LISTEN"] == []
    assert read["PUBLIC_URL"] == "http://127.0.0.1:8000"
    assert read["MAX_MESSAGE_SIZE"] == 50 * 1024 * 1024
    assert read["RELAY_ALLOW_PRIVATE"] is False and read["DEMO_SANDBOX"] is False
    database = read["DATABASES"]["default"]  # type: ignore[index]
    assert database["ENGINE"] == "mta.sqlite" and database["NAME"] == str(tmp_path / "mailstead.sqlite3")
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]


def test_the_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert len(str(first["SECRET_KEY"])) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_is_made_is_closed_to_others(tmp_path: Path) -> None:
    settings(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_what_setup_kept_counts_and_the_environment_goes_first(tmp_path: Path) -> None:
    (tmp_path / "mailstead.env").write_text("MAIL_HOSTNAME=kept.example\n")
    assert settings(tmp_path)["MAIL_HOSTNAME"] == "kept.example"
    assert settings(tmp_path, MAIL_HOSTNAME="Given.Example.")["MAIL_HOSTNAME"] == "given.example"


def test_links_hosts_and_cookies_follow_the_public_url(tmp_path: Path) -> None:
    read = settings(tmp_path, PUBLIC_URL="https://mail.example.org/")
    assert read["PUBLIC_URL"] == "https://mail.example.org"
    assert "mail.example.org" in read["ALLOWED_HOSTS"]  # type: ignore[operator]
    assert read["CSRF_TRUSTED_ORIGINS"] == ["https://mail.example.org"]
    assert read["SESSION_COOKIE_SECURE"] is True and read["CSRF_COOKIE_SECURE"] is True


def test_a_dns_server_on_loopback_brings_an_internet_of_its_own(tmp_path: Path) -> None:
    read = settings(tmp_path, DNS_SERVERS="127.0.0.1:5353", DEMO="1")
    assert read["DNS_SERVERS"] == [["127.0.0.1", 5353]]
    assert read["RELAY_ALLOW_PRIVATE"] is True and read["ALLOW_PRIVATE_NETWORKS"] is False
    assert read["DEMO_SANDBOX"] is False
    assert settings(tmp_path, DEMO="1")["DEMO_SANDBOX"] is True


def test_a_pool_is_set_in_code_and_can_be_turned_off(tmp_path: Path) -> None:
    url = "postgres://someone@db.example/mail"
    pooled = settings(tmp_path, DATABASE_URL=url)["DATABASES"]["default"]  # type: ignore[index]
    assert pooled["OPTIONS"]["pool"]["max_size"] == 8
    plain = settings(tmp_path, DATABASE_URL=url, DB_POOL="off")["DATABASES"]["default"]  # type: ignore[index]
    assert "pool" not in plain["OPTIONS"]


def test_a_bad_address_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(BadListen, match="IMAP_LISTEN: 'localhost' is not host:port"):
        settings(tmp_path, IMAP_LISTEN="localhost")


@pytest.mark.parametrize(
    ("text", "endpoints"),
    [
        ("127.0.0.1:25", [("127.0.0.1", 25)]),
        ("127.0.0.1:25, [::1]:25", [("127.0.0.1", 25), ("::1", 25)]),
        ("mail.example.org:25 10.0.0.1:26", [("mail.example.org", 25), ("10.0.0.1", 26)]),
        (":25", [("0.0.0.0", 25)]),
        ("off", []),
        ("", []),
    ],
)
def test_endpoints_as_people_write_them(text: str, endpoints: list[tuple[str, int]]) -> None:
    assert parse_endpoints(text, name="X_LISTEN") == endpoints


@pytest.mark.parametrize("text", ["::1:25", "127.0.0.1", "127.0.0.1:99999", "[::1]", "a:b", "http://x:80"])
def test_endpoints_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(BadListen):
        parse_endpoints(text, name="X_LISTEN")


def test_networks_and_sizes() -> None:
    assert [str(each) for each in parse_networks("loopback 10.1.2.3 192.0.2.0/24", name="X")] == [
        "127.0.0.0/8",
        "::1/128",
        "10.1.2.3/32",
        "192.0.2.0/24",
    ]
    assert parse_networks("none", name="X") == ()
    assert [parse_size(text, name="X") for text in ("10", "2k", "50 MB", "1GiB")] == [
        10,
        2048,
        52428800,
        1 << 30,
    ]
    with pytest.raises(BadListen):
        parse_networks("10.0.0.0/99", name="X")
    with pytest.raises(BadListen):
        parse_size("lots", name="X")
    assert is_loopback("127.9.9.9") and is_loopback("::1") and not is_loopback("192.0.2.1")


def test_a_limit_that_makes_no_sense_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadListen, match="LIMIT_ERRORS: 0 is not between 1 and 10000"):
        settings(tmp_path, LIMIT_ERRORS="0")
    with pytest.raises(BadListen, match="LIMIT_UNKNOWN_RATE: 'often' is not a rate such as"):
        settings(tmp_path, LIMIT_UNKNOWN_RATE="often")


def test_metrics_that_are_switched_on_are_for_this_machine(tmp_path: Path) -> None:
    assert settings(tmp_path)["METRICS_LISTEN"] == []
    assert settings(tmp_path, METRICS_LISTEN="on")["METRICS_LISTEN"] == [["127.0.0.1", 9464]]
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o700
