"""Doorstep's settings: one file, read from the environment. Every variable is described in the README."""

import re
from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from delivery import database_pool
from delivery.addresses import proxies, public_address
from delivery.instance import instance_name
from dispatch.messages.gateway_urls import parse_gateways
from routing.addresses.services import parse_service
from routing.profiles import parse_profiles
from tracking.redis_servers import by_setting, celery_broker, layer_host, several

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# ------------------------------------------------------------------------------------------ this server
STATE_DIR = Path(env.str("DOORSTEP_STATE", default=str(BASE_DIR / ".state"))).expanduser().absolute()
DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
_public = public_address(PUBLIC_URL)
_https = _public.origin.startswith("https://")
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"]), _public.host]
# Behind a proxy with TLS we are asked in plain HTTP, and forms still come from the address that people know.
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[]) + ([_public.origin] if _https else [])
#: Whose X-Forwarded-Proto and X-Forwarded-For are believed.
TRUSTED_PROXIES = proxies(env.list("TRUSTED_PROXIES", default=[]))


def _secret_key() -> str:
    """SECRET_KEY, or the one that the demo made for itself in the state folder."""
    key: str = env.str("SECRET_KEY", default="")
    made = STATE_DIR / "secret-key"
    if not key and made.is_file():
        key = made.read_text().strip()
    if not key:
        raise ImproperlyConfigured(
            "Set SECRET_KEY to 50 or more random characters (`make demo` makes one for itself)."
        )
    return key


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_HOST = env.str("METRICS_HOST", default="127.0.0.1")
WORKER_METRICS_PORT = env.int("WORKER_METRICS_PORT", default=0)
BEAT_METRICS_PORT = env.int("BEAT_METRICS_PORT", default=0)
if (WORKER_METRICS_PORT or BEAT_METRICS_PORT) and not METRICS_TOKEN:
    raise ImproperlyConfigured("Set METRICS_TOKEN: without it worker and beat show nothing on their ports.")

# ----------------------------------------------------------------------------------- the parts around us
DATABASES = {
    "default": env.db("DATABASE_URL", default=f"postgres://doorstep@/doorstep?host={STATE_DIR / 'run'}")
}
# Every thread takes its connection from here and gives it back: however many pages are asked for at once, PostgreSQL
# sees no more than these from a process. Short times: a database that comes back is used again at once.
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "pool": {
        "min_size": 1,
        "max_size": env.int("DATABASE_POOL_SIZE", default=8),
        "timeout": 5,
        "reconnect_timeout": 2,
        "connection_class": database_pool.Connection,
        "check": database_pool.check,
    },
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Behind PgBouncer in transaction mode the next rows of a cursor may be asked of a session that does not have it.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
REDIS_URL = env.str("REDIS_URL", default=f"unix://{STATE_DIR / 'run' / 'valkey.sock'}?db=0")
# What is published in one of Redis' databases is heard in all: an installation's keys and channels bear its name.
INSTANCE_NAME = env.str("INSTANCE_NAME", default="") or instance_name(DATABASES["default"])
if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", INSTANCE_NAME):
    raise ImproperlyConfigured("INSTANCE_NAME takes up to 64 letters, digits, dots, hyphens and underscores.")
REDIS_PREFIX = f"doorstep:{INSTANCE_NAME}:"
# One Redis does, until one is not enough (docs/scaling.md).
POSITIONS_REDIS_URL = env.str("POSITIONS_REDIS_URL", default=REDIS_URL)
CHANNEL_REDIS_URLS = several(env.str("CHANNEL_REDIS_URLS", default=REDIS_URL))
BROKER_REDIS_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
REDIS_SERVERS = by_setting(
    REDIS_URL,
    POSITIONS_REDIS_URL=[POSITIONS_REDIS_URL],
    CHANNEL_REDIS_URLS=CHANNEL_REDIS_URLS,
    CELERY_BROKER_URL=[BROKER_REDIS_URL],
)
OSRM_URL = env.str("OSRM_URL", default="http://127.0.0.1:5000").rstrip("/")
#: Without an OSRM of their own bicycles, and drivers on foot, go by the car's roads.
OSRM_URL_BICYCLE = env.str("OSRM_URL_BICYCLE", default="").rstrip("/")
OSRM_URL_FOOT = env.str("OSRM_URL_FOOT", default="").rstrip("/")
ROADS_DIR = STATE_DIR / "roads"
try:
    ROADS_PROFILES = parse_profiles(env.str("ROADS_PROFILES", default="car"))
except ValueError as wrong:
    raise ImproperlyConfigured(f"ROADS_PROFILES: {wrong}.") from None

# Asked for addresses that our own streets do not know; none unless it is named.
GEOCODER_URL = env.str("GEOCODER_URL", default="")
try:
    parse_service(GEOCODER_URL)
except ValueError as wrong:
    raise ImproperlyConfigured(f"GEOCODER_URL: {wrong}.") from None
GEOCODER_USER_AGENT = env.str("GEOCODER_USER_AGENT", default=f"Doorstep ({PUBLIC_URL})")
GEOCODER_TIMEOUT_S = env.float("GEOCODER_TIMEOUT_S", default=3.0)
#: Questions a second; 0: as is usual for its kind (routing/addresses/services.py).
GEOCODER_PER_S = env.float("GEOCODER_PER_S", default=0.0)
GEOCODER_CACHE_DAYS = env.int("GEOCODER_CACHE_DAYS", default=30)

INSTALLED_APPS = [
    "daphne",  # gives `runserver` its WebSockets; production and the demo run uvicorn
    "dispatch.apps.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "delivery",
    "delivery.devtools",
    "tracking",
    "dispatch",
    "routing",
]

MIDDLEWARE = [
    "delivery.health_paths.HealthPaths",
    "django.middleware.security.SecurityMiddleware",
    "dispatch.api.middleware.Problems",
    "delivery.static_files.StaticFiles",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "delivery.refusals.RefuseNul",
    "delivery.refusals.PutOff",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "delivery.urls"
ASGI_APPLICATION = "delivery.asgi.application"
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
            ],
        },
    },
]

CHANNEL_LAYERS = {
    "default": {
        # PubSub: nothing is dropped at a capacity and a restart of Redis is survived; a message is a hint all
        # the same, and tracking/sockets/reconciliation.py repairs what was lost. Measured in docs/adr/0003.
        "BACKEND": "tracking.sockets.channel_layer.ChannelLayer",
        "CONFIG": {"hosts": [layer_host(url) for url in CHANNEL_REDIS_URLS], "prefix": REDIS_PREFIX},
    },
}

# -------------------------------------------------------------------------------------------------- jobs
_broker, _broker_options = celery_broker(BROKER_REDIS_URL)
# Not CELERY_BROKER_URL: Celery would look past it to the environment's, which is written as REDIS_URL is.
CELERY_BROKER_READ_URL = CELERY_BROKER_WRITE_URL = _broker
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": REDIS_PREFIX, **_broker_options}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would close the process's pool of connections behind each task, under the threads that send what the outbox
# has. A task gives back its own connection (delivery/celery.py).
CELERY_DB_REUSE_MAX = 2**62
CELERY_TIMEZONE = "UTC"
ETA_INTERVAL_S = env.int("ETA_INTERVAL_S", default=30)
SWEEP_INTERVAL_S = env.int("SWEEP_INTERVAL_S", default=120)
ETA_PREDICTIONS_DAYS = env.int("ETA_PREDICTIONS_DAYS", default=60)
ETA_LEARNING_DAYS = env.int("ETA_LEARNING_DAYS", default=56)
ALERTS_DAYS = env.int("ALERTS_DAYS", default=30)
OUTBOX_DAYS = env.int("OUTBOX_DAYS", default=30)
CELERY_BEAT_SCHEDULE = {
    # `expires`: a worker that was away does not work through old ticks.
    "refresh ETAs": {
        "task": "dispatch.tasks.refresh_etas",
        "schedule": ETA_INTERVAL_S,
        "options": {"expires": ETA_INTERVAL_S},
    },
    "visiting orders": {
        "task": "dispatch.tasks.sweep",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "stops that no plan knows of": {
        "task": "dispatch.tasks.plan_new_stops",
        "schedule": 5,
        "options": {"expires": 5},
    },
    "orders of cities where Doorstep assigns": {
        "task": "dispatch.tasks.assign_pending",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "doors of orders that came without coordinates": {
        "task": "dispatch.tasks.find_doors",
        "schedule": 5,
        "options": {"expires": 5},
    },
    "silent drivers go offline": {
        "task": "dispatch.tasks.mark_silent_drivers",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "alerts": {
        "task": "dispatch.tasks.raise_alerts",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "what others' servers are told": {
        "task": "dispatch.tasks.send_outbox",
        "schedule": 2,
        # A tick that comes late costs next to nothing, and a worker with a long queue may have no other.
        "options": {"expires": 60},
    },
    "last fixes of silent drivers": {
        "task": "tracking.tasks.keep_last_fixes",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "answers that a platform no longer asks for again": {
        "task": "dispatch.tasks.forget_api_answers",
        "schedule": crontab(minute=37),
        "options": {"expires": 3600},
    },
    "webhooks that nobody answers": {
        "task": "dispatch.tasks.disable_dead_webhooks",
        "schedule": crontab(minute=57),
        "options": {"expires": 3600},
    },
    "texts that nobody has ended": {
        "task": "dispatch.tasks.end_left_messages",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "answers of the geocoder of long ago": {
        "task": "dispatch.tasks.forget_geocoder_answers",
        "schedule": crontab(minute=53),
        "options": {"expires": 3600},
    },
    # In the small hours of Colorado.
    "ETAs learn": {
        "task": "dispatch.tasks.learn_etas",
        "schedule": crontab(minute=17, hour=9),
        "options": {"expires": 3600},
    },
    "alerts of long ago": {
        "task": "dispatch.tasks.forget_alerts",
        "schedule": crontab(minute=41, hour=9),
        "options": {"expires": 3600},
    },
    "messages of long ago": {
        "task": "dispatch.tasks.forget_outbox",
        "schedule": crontab(minute=47),
        "options": {"expires": 3600},
    },
    "texts of long ago": {
        "task": "dispatch.tasks.forget_messages",
        "schedule": crontab(minute=53, hour=9),
        "options": {"expires": 3600},
    },
    "location history partitions": {
        "task": "tracking.tasks.keep_history_partitions",
        "schedule": crontab(minute=7),
        "options": {"expires": 3600},
    },
}

# ----------------------------------------------------------------------------------------------- tracking
LOCATION_HISTORY_EVERY = env.int("LOCATION_HISTORY_EVERY", default=5)
LOCATION_HISTORY_DAYS = env.int("LOCATION_HISTORY_DAYS", default=30)
DRIVER_STALE_AFTER_S = env.int("DRIVER_STALE_AFTER_S", default=15)
#: While PostgreSQL takes no writes so many fixes wait in a process; beyond it they are left to the drivers' apps.
FIXES_WAITING_MAX = env.int("FIXES_WAITING_MAX", default=100_000)
DRIVER_SILENT_AFTER_S = env.int("DRIVER_SILENT_AFTER_S", default=60)
#: Or twice as long as the driver's app usually takes from one message to the next.
DRIVER_OFFLINE_AFTER_S = env.int("DRIVER_OFFLINE_AFTER_S", default=120)
#: So long a dispatcher can take back a pickup that a geofence took for granted.
UNDO_PICKUP_S = env.int("UNDO_PICKUP_S", default=600)
DISPATCHER_TICK_MS = env.int("DISPATCHER_TICK_MS", default=500)
CUSTOMER_GEOFENCE_M = env.int("CUSTOMER_GEOFENCE_M", default=100)
#: A door so far from its restaurant (metres, straight) is taken for a mistake, and a restaurant from its city.
FAR_DOOR_M = env.int("FAR_DOOR_M", default=50_000)

# What one socket may ask of us (tracking/sockets/rate_limiter.py).
SOCKET_MESSAGES_PER_S = env.int("SOCKET_MESSAGES_PER_S", default=100)
SOCKET_FRAME_BYTES = env.int("SOCKET_FRAME_BYTES", default=16_384)
SOCKET_SIGN_IN_S = env.float("SOCKET_SIGN_IN_S", default=10.0)
SOCKETS_PER_TRACKING_LINK = env.int("SOCKETS_PER_TRACKING_LINK", default=20)

# A fix is turned away, by name (tracking/ingest/fix_filter.py), when it is …
FIX_FUTURE_S = env.float("FIX_FUTURE_S", default=30.0)
FIX_STALE_S = env.float("FIX_STALE_S", default=120.0)
FIX_MAX_SPEED_MPS = env.float("FIX_MAX_SPEED_MPS", default=45.0)
FIX_MAX_ACCURACY_M = env.float("FIX_MAX_ACCURACY_M", default=100.0)
# … or jumps, until so many more agree with it; if the phone says that it stands, for so long (seconds).
FIX_JUMP_CONFIRMATIONS = env.int("FIX_JUMP_CONFIRMATIONS", default=2)
FIX_PARKED_JUMP_S = env.float("FIX_PARKED_JUMP_S", default=30.0)

# What makes an arrival, an exit and a visit (tracking/ingest/geofences.py).
GEOFENCE_CONFIRMING_FIXES = env.int("GEOFENCE_CONFIRMING_FIXES", default=2)
GEOFENCE_DWELL_S = env.float("GEOFENCE_DWELL_S", default=30.0)
GEOFENCE_EXIT_MARGIN_M = env.float("GEOFENCE_EXIT_MARGIN_M", default=100.0)
GEOFENCE_EXIT_S = env.float("GEOFENCE_EXIT_S", default=8.0)
GEOFENCE_MIN_VISIT_S = env.float("GEOFENCE_MIN_VISIT_S", default=65.0)

# How long a driver stands at a stop, for ETAs (seconds).
PICKUP_SERVICE_S = env.int("PICKUP_SERVICE_S", default=120)
DROPOFF_SERVICE_S = env.int("DROPOFF_SERVICE_S", default=90)
#: How long a driver's break is, whose app does not say.
BREAK_MINUTES = env.int("BREAK_MINUTES", default=30)
#: Once delivered, a tracking page works on for this long.
TRACKING_PAGE_AFTER_DELIVERY_S = env.int("TRACKING_PAGE_AFTER_DELIVERY_S", default=900)

# ---------------------------------------------------------------------------------------------------- API
#: With one key (dispatch/api/limits.py).
API_REQUESTS_PER_MIN = env.int("API_REQUESTS_PER_MIN", default=600)
#: Whether webhooks may lead into our own network, and by plain HTTP: to try them out.
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", default=False)
# Deliverect (docs/adapters.md): without the first it can ask for nothing, without the second it is told of nothing.
DELIVERECT_HMAC_SECRET = env.str("DELIVERECT_HMAC_SECRET", default="")
DELIVERECT_CLIENT_ID = env.str("DELIVERECT_CLIENT_ID", default="")
DELIVERECT_CLIENT_SECRET = env.str("DELIVERECT_CLIENT_SECRET", default="")
DELIVERECT_URL = env.str("DELIVERECT_URL", default="https://api.deliverect.com").rstrip("/")

# --------------------------------------------------------------------------------------- texts to customers
# Secrets: docs/messages.md says how they are written.
try:
    NOTIFY_URLS = parse_gateways(env.str("NOTIFY_URLS", default=""))
except ValueError as wrong:
    raise ImproperlyConfigured(f"NOTIFY_URLS: {wrong}.") from None
#: Whose numbers are written without the country: two letters.
PHONE_REGION = env.str("PHONE_REGION", default="US").upper()
#: Numbers that answered STOP are known by digests made with this: it stays the same for ever.
STOP_LIST_KEY = env.str("STOP_LIST_KEY", default="") or SECRET_KEY
#: The gateway's answers come to /messages/inbound/ and this; without it to nowhere.
MESSAGES_INBOUND_SECRET = env.str("MESSAGES_INBOUND_SECRET", default="")
if MESSAGES_INBOUND_SECRET and not re.fullmatch(r"[A-Za-z0-9_-]{20,200}", MESSAGES_INBOUND_SECRET):
    raise ImproperlyConfigured(
        "MESSAGES_INBOUND_SECRET takes 20 to 200 letters, digits, hyphens and underscores."
    )
MESSAGES_DAYS = env.int("MESSAGES_DAYS", default=60)

# ---------------------------------------------------------------------------------------------------- map
# Our own tiles by default. Another server must allow your use of it, and joins the page's CSP by itself.
MAP_TILE_URL = env.str("MAP_TILE_URL", default="/tiles/{z}/{x}/{y}.mvt")
_tile_server = ["/".join(MAP_TILE_URL.split("/", 3)[:3]).replace("{s}", "*")] if "://" in MAP_TILE_URL else []
MAP_ATTRIBUTION = env.str("MAP_ATTRIBUTION", default="© OpenStreetMap contributors")

# ------------------------------------------------------------------------------------------------ the rest
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["dispatch.sign_in.Backend"]
#: For so long (seconds) a sign-in waits for its turn to be hashed.
SIGN_IN_WAITS_S = 10
# So many wrong passwords for one name, or from one address, lock it. A wrong one while it is locked changes nothing:
# nobody is kept out for longer by somebody who goes on guessing.
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURES", default=20)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SIGN_IN_LOCKED_MIN", default=15))
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
#: Of a name, who types a password in its place would find it there.
AXES_SENSITIVE_PARAMETERS = ["username"]
AXES_ENABLE_ADMIN = False  # dispatch/admin/users.py has ours
AXES_LOCKOUT_CALLABLE = "dispatch.sign_in.locked"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
AUTH_USER_MODEL = "dispatch.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "dispatch:dashboard"

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "delivery.storage.HashedModulesStorage"},
}

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", *_tile_server],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF, *_tile_server],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if _https else 0)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
if SECURE_SSL_REDIRECT and not TRUSTED_PROXIES:
    raise ImproperlyConfigured(
        "SECURE_SSL_REDIRECT sends everybody round in circles while no proxy may say that TLS was used: "
        "name it in TRUSTED_PROXIES, or leave the redirect to it."
    )
# A tracking link is a secret: no page hands it on to another server. (“no-referrer” would also blank the Origin of
# our own forms, which the CSRF check needs.)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "without_query_strings": {"()": "delivery.logs.WithoutQueryStrings"},
        "overhear": {"()": "dispatch.messages.apprise_log.Overhear"},
        "without_inbound_secrets": {"()": "delivery.logs.WithoutInboundSecrets"},
        "without_tracker_tokens": {"()": "delivery.logs.WithoutTrackerTokens"},
        "without_tracebacks": {"()": "delivery.logs.WithoutTracebacks"},
        "refusals_without_tracebacks": {"()": "delivery.logs.RefusalsWithoutTracebacks"},
    },
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals_without_tracebacks", "without_inbound_secrets", "without_tracker_tokens"],
        },
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # One line for every socket that opens would drown the others.
        "uvicorn.error": {"level": "WARNING", "filters": ["without_query_strings"]},
        "daphne": {"filters": ["without_query_strings"]},
        "channels_redis.pubsub": {"filters": ["without_tracebacks"]},
        # All that it says, to whoever sends a text, and to no handler.
        "apprise": {"level": "DEBUG", "filters": ["overhear"]},
        "psycopg.pool": {"level": "ERROR"},  # whoever waits for a connection in vain says so
        "urllib3": {"level": "WARNING"},
    },
}
