"""Every setting of the product, read once from the environment (and `DATA_DIR/mailstead.env`, if there).

The README's table says what each means to an administrator; `tests/test_bootstrap_settings.py` holds the two
together. Values are parsed here, so that the rest of the product sees endpoints, networks and bytes,
never text. Nothing else in the tree reads an environment variable to configure itself.
"""

import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

import environ

from mta.limits import policy
from webmail import languages
from webmail.listen import (
    Endpoint,
    is_loopback,
    parse_endpoints,
    parse_networks,
    parse_size,
    show_endpoint,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

# --- where things are kept ---------------------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / "var").expanduser().resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
# Mail, logs and keys lie below; an administrator may have made the folder readable before. Every process comes by here.
os.umask(0o077)
if (DATA_DIR / "mailstead.env").exists():  # what /setup has been told; the environment goes first
    environ.Env.read_env(str(DATA_DIR / "mailstead.env"))

DEBUG = env.bool("DEBUG", default=False)
# A folder that `up --demo` filled stays a demo: it must never send to the real internet.
DEMO = env.bool("DEMO", default=(DATA_DIR / "demo").exists())


def _kept_secret(path: Path) -> str:
    """The secret that signs sessions and links; made once, readable by the owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50) + "\n")
    try:
        os.link(draft, path)  # atomic: of several processes that start at once, the first one's stays
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret(DATA_DIR / "secret_key")

# --- addresses ---------------------------------------------------------------------------------------------
# A demonstration has a name of its own, which its small internet knows.
MAIL_HOSTNAME = env.str("MAIL_HOSTNAME", default="mail.example.test" if DEMO else "")
MAIL_HOSTNAME = (MAIL_HOSTNAME or socket.getfqdn() or "localhost").lower().rstrip(".")


def _listen(name: str, default: str) -> list[Endpoint]:
    return parse_endpoints(env.str(name, default=default), name=name)


WEB_LISTEN = _listen("WEB_LISTEN", "127.0.0.1:8000")
HTTPS_LISTEN = _listen("HTTPS_LISTEN", "off")
SMTP_LISTEN = _listen("SMTP_LISTEN", "127.0.0.1:2525")
SUBMISSION_LISTEN = _listen("SUBMISSION_LISTEN", "127.0.0.1:2587")
SUBMISSIONS_LISTEN = _listen("SUBMISSIONS_LISTEN", "127.0.0.1:2465")
IMAP_LISTEN = _listen("IMAP_LISTEN", "127.0.0.1:2143")
IMAPS_LISTEN = _listen("IMAPS_LISTEN", "127.0.0.1:2993")
POP3_LISTEN = _listen("POP3_LISTEN", "127.0.0.1:2110")
POP3S_LISTEN = _listen("POP3S_LISTEN", "127.0.0.1:2995")
LMTP_LISTEN = _listen("LMTP_LISTEN", "off")
# `on` is this machine only: who can read the figures knows how busy the people are.
_METRICS = env.str("METRICS_LISTEN", default="off")
METRICS_LISTEN = parse_endpoints(
    "127.0.0.1:9464" if _METRICS.strip().lower() == "on" else _METRICS, name="METRICS_LISTEN"
)
if METRICS_LISTEN:  # every process counts in this folder; see mta/metrics.py, which comes later
    METRICS_FOLDER = DATA_DIR / "metrics"
    METRICS_FOLDER.mkdir(mode=0o700, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_FOLDER)

TRUSTED_PROXIES = parse_networks(env.str("TRUSTED_PROXIES", default=""), name="TRUSTED_PROXIES")
PROXY_FROM = parse_networks(env.str("PROXY_FROM", default=""), name="PROXY_FROM")
LMTP_FROM = parse_networks(env.str("LMTP_FROM", default="loopback"), name="LMTP_FROM")
LIMITS_EXEMPT = parse_networks(env.str("LIMITS_EXEMPT", default="loopback"), name="LIMITS_EXEMPT")
LIMITS = policy.read(lambda name: env.str(name, default=""))  # LIMIT_*
# IMAP or POP3 connections of one account, in one sidecar process.
CONNECTIONS_PER_ACCOUNT = max(1, env.int("CONNECTIONS_PER_ACCOUNT", default=200))

DNS_SERVERS = parse_endpoints(env.str("DNS_SERVERS", default=""), name="DNS_SERVERS", default_port=53)
RELAY_PORT = env.int("RELAY_PORT", default=25)
RELAY_SMARTHOST = env.str("RELAY_SMARTHOST", default="")
ALLOW_PRIVATE_NETWORKS = env.bool("ALLOW_PRIVATE_NETWORKS", default=False)
INBOUND_CHECKS = env.bool("INBOUND_CHECKS", default=True)
# Whoever brings their own DNS on loopback brings their own internet with it.
RELAY_ALLOW_PRIVATE = ALLOW_PRIVATE_NETWORKS or any(is_loopback(host) for host, _port in DNS_SERVERS)
DEMO_SANDBOX = env.bool("DEMO_SANDBOX", default=DEMO and not DNS_SERVERS)

TLS_CERT = Path(env.str("TLS_CERT", default="") or DATA_DIR / "tls" / "cert.pem")
TLS_KEY = Path(env.str("TLS_KEY", default="") or DATA_DIR / "tls" / "key.pem")

BLOB_URL = env.str("BLOB_URL", default="")
MAX_MESSAGE_SIZE = parse_size(env.str("MAX_MESSAGE_SIZE", default="50 MB"), name="MAX_MESSAGE_SIZE")
UNDO_DAYS = min(90, max(1, env.int("UNDO_DAYS", default=30)))
# Whether somebody new finds cards above their inbox that ask who they are and how to begin.
WELCOME = env.bool("WELCOME", default=True)
MAIL_PROCESSES = max(1, env.int("MAIL_PROCESSES", default=1))
# Hosts whose seal (RFC 8617) is believed when they say that mail was genuine before they passed it on.
ARC_TRUSTED = tuple(name.strip().lower() for name in env.list("ARC_TRUSTED", default=[]) if name.strip())
RSPAMD_URL = env.str("RSPAMD_URL", default="")
CLAMD_URL = env.str("CLAMD_URL", default="")
# Lists of senders of spam with the points of each: "zen.example.org=4, bl.example.net=2".
DNSBL = [
    (zone.strip().strip(".").lower(), float(weight or 3))
    for zone, _, weight in (
        each.partition("=") for each in env.str("DNSBL", default="").replace(",", " ").split()
    )
]


def _public_url() -> str:
    given = env.str("PUBLIC_URL", default="").rstrip("/")
    if given or not (HTTPS_LISTEN or WEB_LISTEN):
        return given or f"http://{MAIL_HOSTNAME}"
    scheme, (host, port) = ("https", HTTPS_LISTEN[0]) if HTTPS_LISTEN else ("http", WEB_LISTEN[0])
    shown = MAIL_HOSTNAME if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    standard = port == {"http": 80, "https": 443}[scheme]
    return (
        f"{scheme}://{f'[{shown}]' if ':' in shown else shown}"
        if standard
        else (f"{scheme}://{show_endpoint((shown, port))}")
    )


PUBLIC_URL = _public_url()
# Where somebody agrees to have mail of this host forwarded to them; see mta.filters.
FORWARDING_LINK = PUBLIC_URL + "/forward/{token}/"
CONTENT_ORIGIN = env.str("CONTENT_ORIGIN", default="").rstrip("/")
if CONTENT_ORIGIN == PUBLIC_URL:
    CONTENT_ORIGIN = ""  # one and the same host keeps nothing apart
ALLOWED_HOSTS = sorted(
    {"localhost", "127.0.0.1", "[::1]", MAIL_HOSTNAME}
    | {host for url in (PUBLIC_URL, CONTENT_ORIGIN) if (host := urlsplit(url).hostname)}
    | {f"[{host}]" if ":" in host else host for host, _port in WEB_LISTEN + HTTPS_LISTEN}
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# --- the parts ---------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_prose_editor",
    "lucide",
    "mta",
    "mta.mailstore",
    "mta.correspondents",
    "mta.queue",
    "mta.tracing",
    "mta.filters",
    "mta.limits",
    "mta.trust",
    "hosting",
    "webmail",
    "webmail.contacts",
    "webmail.moving",
]
DIRECTORY = "webmail.moving.directory.Directory"  # who implements the port mta/directory.py

ROOT_URLCONF = "webmail.urls"
ASGI_APPLICATION = "webmail.asgi.application"
APPEND_SLASH = True

MIDDLEWARE = [
    "webmail.content.ContentHost",
    "django.middleware.security.SecurityMiddleware",
    "webmail.security.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webmail.i18n.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database ----------------------------------------------------------------------------------------------
_SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    # A 250 promises that the message is on disk; NORMAL may lose the last commits when the power goes.
    "synchronous": env.str("SQLITE_SYNCHRONOUS", default="FULL"),
    "cache_size": "-8000",
    "mmap_size": "67108864",
    "temp_store": "MEMORY",
    "journal_size_limit": "67108864",
}


def _database() -> dict[str, object]:
    config: dict[str, object] = env.db_url(
        "DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'mailstead.sqlite3'}"
    )
    if "sqlite" in str(config["ENGINE"]):
        return config | {
            "ENGINE": "mta.sqlite",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "; ".join(
                    f"PRAGMA {name}={value}" for name, value in _SQLITE_PRAGMAS.items()
                ),
            },
        }
    # The pool's options cannot come from the URL: there, everything is text and "False" is true.
    options: dict[str, object] = {"application_name": "mailstead"}
    if env.str("DB_POOL", default="on").lower() in {"off", "no", "0", "false"}:
        config |= {"CONN_MAX_AGE": 0}
    else:
        options["pool"] = {"min_size": 1, "max_size": env.int("DB_POOL_SIZE", default=8), "timeout": 20}
    return config | {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options}


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- cache, tasks ------------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    # Without Redis each process has its own: nothing that must be shared by processes belongs in the cache.
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "mailstead",
        "OPTIONS": {"serializer": "webmail.cache.JsonSerializer"},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 2000}}
}

# --- people ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "hosting.Account"
AUTHENTICATION_BACKENDS = ["hosting.backends.Accounts"]
PASSWORD_HASHERS = [
    "webmail.hashers.Argon2",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = "mailstead_session"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_NAME = "mailstead_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
# Which proxy may say that a visitor came over HTTPS is decided by gunicorn (TRUSTED_PROXIES): no header is
# believed here.

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- language, time ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
# The two languages that a program makes from English, to try pages with long texts and from right to left.
DEVELOPMENT_LANGUAGES = env.bool("DEVELOPMENT_LANGUAGES", default=DEBUG)
LANGUAGES = languages.offered(BASE_DIR / "locale", development=DEVELOPMENT_LANGUAGES)
LOCALE_PATHS = [DATA_DIR / "locale"]  # compiled by `prepare` from locale/
LANGUAGE_COOKIE_NAME = "mailstead_language"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# --- static files ------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
# `up` collects and compresses once; without (development, tests) files are served from where they lie.
COLLECT_STATIC = env.bool("COLLECT_STATIC", default=not DEBUG)
_COLLECTED = COLLECT_STATIC and (STATIC_ROOT / "staticfiles.json").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "webmail.static_files.Storage"
        if _COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- logging -----------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # One line for each sweep, every five seconds, would bury the rest.
        "celery.app.trace": {"handlers": [], "level": "WARNING", "propagate": True},
        "celery.worker.strategy": {"handlers": [], "level": "WARNING", "propagate": True},
        "celery.beat": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
