"""Django settings, chosen by environment variables alone (docs/operations.md lists every one).

Without any variable the site runs *embedded*: SQLite in var/, an in-memory broker and channel layer,
a private chain. `DATABASE_URL`, `REDIS_URL` and `CHAIN_RPC_URL` take the same code to production.
"""

import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path

import environ

from config import logs

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").resolve()  # set but empty is not set


def _secret_key() -> str:
    """Read SECRET_KEY, or keep a random one in var/ so that sessions survive a restart."""
    if key := env.str("SECRET_KEY", default=""):
        return key
    path = VAR_DIR / "secret-key"
    try:
        return path.read_text()
    except FileNotFoundError:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        fresh = secrets.token_urlsafe(50)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process of ours was quicker
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(fresh)
        return fresh


SECRET_KEY = _secret_key()
SECRET_KEY_GIVEN = bool(env.str("SECRET_KEY", default=""))
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Proxies of ours in front, each of which appends to X-Forwarded-For (live/address.py).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
WEB_THREADS = env.int("WEB_THREADS", default=8)  # that answer pages, each with its database connection

# --- The chain ---------------------------------------------------------------------------------------

PRIVATE_CHAIN = env.bool("PRIVATE_CHAIN", default=not env.str("CHAIN_RPC_URL", default=""))
# One node or several, the first preferred, with spaces or commas between.
CHAIN_RPC_URL = env.str("CHAIN_RPC_URL", default="")
CHAIN_RPC_MAX_MB = env.int("CHAIN_RPC_MAX_MB", default=256)  # of one answer, unpacked
CHAIN_WS_URL = env.str("CHAIN_WS_URL", default="")
CHAIN_POLL_S = env.float("CHAIN_POLL_S", default=None)
# What wallets are told when they don't know the chain; CHAIN_RPC_URL may hold a key and is never shown.
CHAIN_NAME = env.str("CHAIN_NAME", default="")
CHAIN_PUBLIC_RPC_URL = env.str("CHAIN_PUBLIC_RPC_URL", default="")
CHAIN_FINALITY_DEPTH = env.int("CHAIN_FINALITY_DEPTH", default=None)
CHAIN_CHECK_SAMPLE = env.int("CHAIN_CHECK_SAMPLE", default=32)
# Relays of drand, asked for the rounds that seeds are drawn from; what they say is checked on the chain.
DRAND_URLS = env.list(
    "DRAND_URLS", default=["https://api.drand.sh", "https://api2.drand.sh", "https://drand.cloudflare.com"]
)
DEPLOYMENT_FILE = Path(env.str("DEPLOYMENT_FILE", default="") or VAR_DIR / "deployment.json")
CONTRACTS_ABI_DIRS = [BASE_DIR / "contracts" / "abi"]
CHAIN_EVENTS = "config.events.EVENTS"
CHAIN_LISTENERS = ["config.listeners.blocks_indexed"]
OPERATOR_KEY = env.str("OPERATOR_KEY", default="")
OPERATOR_KEYSTORE = env.str("OPERATOR_KEYSTORE", default="")
OPERATOR_KEYSTORE_PASSWORD_FILE = env.str("OPERATOR_KEYSTORE_PASSWORD_FILE", default="")
OPERATOR_ADDRESS = env.str("OPERATOR_ADDRESS", default="").lower()
# Workers that paint here, each with a bond of its own; keys or keystores with spaces or commas between.
WORKER_KEYS = env.str("WORKER_KEYS", default="").replace(",", " ").split()
WORKER_KEYSTORES = env.str("WORKER_KEYSTORES", default="").replace(",", " ").split()
WORKER_KEYSTORE_PASSWORD_FILE = env.str("WORKER_KEYSTORE_PASSWORD_FILE", default="")
# The determinism class that they declare, 0x text of 32 bytes; empty: measured (studio.environment).
WORKER_CLASS = env.str("WORKER_CLASS", default="")
# Where these workers serve the lineage and their attestations, as they say on the chain when they register.
WORKER_URI = env.str("WORKER_URI", default="")
# Sites and operators that are asked for pictures that are missing here, with spaces or commas between.
LINEAGE_MIRRORS = env.str("LINEAGE_MIRRORS", default="")
# Whether this process seals, draws, reopens, fails and executes what is due. Without, it only paints.
KEEPER = env.bool("KEEPER", default=True)
KEEPER_GRACE_S = env.int("KEEPER_GRACE_S", default=3)

# --- The painter -------------------------------------------------------------------------------------

PAINTER_MODELS = env.list("PAINTER_MODELS", default=[str(BASE_DIR / "models" / "genesis")])
PAINTER_THREADS = env.int("PAINTER_THREADS", default=2)
PAINTER_COMMAND = env.str("PAINTER_COMMAND", default="")
PAINTER_MEMORY_MB = env.int("PAINTER_MEMORY_MB", default=8000)
PAINTER_LOAD_TIMEOUT_S = env.int("PAINTER_LOAD_TIMEOUT_S", default=600)
PAINTER_STEP_TIMEOUT_S = env.int("PAINTER_STEP_TIMEOUT_S", default=120)
PAINTER_IDLE_S = env.int("PAINTER_IDLE_S", default=900)
# Read by the painter's process itself (studio/energy.py), here so that nonsense is refused at the start.
PAINTER_WATTS_PER_CORE = env.float("PAINTER_WATTS_PER_CORE", default=None)
ENERGY_PUE = env.float("ENERGY_PUE", default=None)
ENERGY_GRID_G_PER_KWH = env.float("ENERGY_GRID_G_PER_KWH", default=None)
ENERGY_SOURCE = env.str("ENERGY_SOURCE", default="")
# From this ratio (PSNR) on, two paintings of one recipe are the same picture to the eye, though not to the
# bit: at 40 dB a channel is off by 2.5 of 255 (root mean square), under what is seen side by side.
VERIFY_TOLERANCE_DB = env.float("VERIFY_TOLERANCE_DB", default=40.0)
VERIFY_PER_HOUR = env.int("VERIFY_PER_HOUR", default=20)  # visitors' verifications, all together

# --- Django ------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.CompositionRoot",
    "config.apps.Desk",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "chain",
    "live",
    "governance",
    "compute",
    "gallery",
]

MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "config.errors.TooManyMiddleware",
    "config.middleware.RateLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.MemoryMiddleware",
    "governance.middleware.WalletMiddleware",
    "governance.middleware.WithholdingMiddleware",
    "live.middleware.PresenceMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
            ],
        },
    },
]

DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'murmuration.sqlite3'}"),
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    # Tests use threads that must see one database: an in-memory one is private to its connection.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
DATE_FORMAT, DATETIME_FORMAT = "j M Y", "j M Y H:i:s"  # where a template names none: in the admin
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = env.str("MEDIA_ROOT", default="") or str(VAR_DIR / "media")
# Embedded runs serve static/ in place; production collects it once, hashed and compressed.
COLLECTED_STATIC = env.bool("COLLECTED_STATIC", default=False)
_COLLECTION = env.str("STATIC_ROOT", default="") or str(VAR_DIR / "staticfiles")
STATIC_ROOT = _COLLECTION if COLLECTED_STATIC else None
WHITENOISE_USE_FINDERS = not COLLECTED_STATIC
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "config.storage.ModuleManifestStorage"
            if COLLECTED_STATIC
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- Redis or memory ---------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            # A Redis that says nothing must not hold up every page.
            "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 3},
        }
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # Messages a hub may have waiting: a painting and a busy vote at once, with room to spare.
            # The layer waits for a message for 5 s at a time, which is also the client's own patience: a
            # silent Redis would look like a broken one, and every page would be sent away to come back.
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "socket_timeout": 20, "socket_connect_timeout": 3}],
                "capacity": 5000,
            },
        }
    }
    CELERY_BROKER_URL = REDIS_URL
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "live.layers.LocalChannelLayer"}}
    CELERY_BROKER_URL = "memory://localhost/"

LIVE_SOCKETS = env.int("LIVE_SOCKETS", default=10_000)  # open websockets of one process at most
LIVE_SOCKETS_PER_ADDRESS = env.int(
    "LIVE_SOCKETS_PER_ADDRESS", default=100
)  # a school or an office shares one
CONNECTIONS_PER_ADDRESS = env.int(
    "CONNECTIONS_PER_ADDRESS", default=500
)  # sockets and a browser's six, so many

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "control"
PAINT_TASKS = (
    "compute.tasks.paint",
    "compute.tasks.warm",
    "compute.tasks.complete",
    "gallery.tasks.repaint",
)
CELERY_TASK_ROUTES = {name: {"queue": "paint"} for name in PAINT_TASKS}
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # Longer than any painting: redis hands out again what was not acknowledged in time.
    {"visibility_timeout": int(timedelta(hours=6).total_seconds())}
    if REDIS_URL
    else {"polling_interval": 0.05}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a Redis that comes back after hours finds its workers
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- Security ----------------------------------------------------------------------------------------

HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)/$", r"^metrics$"]  # asked from within, past the proxy
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # nothing is uploaded here; a proposal's words are a few kilobytes
FILE_UPLOAD_HANDLERS: list[str] = []

# --- Logs --------------------------------------------------------------------------------------------

LOGGING = logs.settings(env.str("LOG_FORMAT", default="plain"), env.str("LOG_LEVEL", default="INFO"))
# One line for each request. `make run` is for one person, who sees the pages.
LOG_REQUESTS = env.bool("LOG_REQUESTS", default=bool(REDIS_URL))
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

TESTING = "pytest" in sys.modules
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
