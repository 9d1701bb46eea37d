"""The product's settings, with what would only slow tests down taken out."""

from typing import Any

from config.settings import *  # noqa: F403
from config.settings import CHANNEL_LAYERS, DATA_DIR, STORAGES
from tests.backends import worker_name

# Plain names: no test depends on collected and hashed files but those that start a server of their own.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT = DATA_DIR / "staticfiles"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
# With them, each test client that is made looks through all files.
SERVESTATIC_USE_FINDERS = False
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Argon2 takes 50 ms by design; nobody attacks the passwords of tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

_layer: dict[str, Any] = CHANNEL_LAYERS["default"]
if "CONFIG" in _layer:
    # Redis's publish and subscribe know no database numbers: the prefix keeps parallel workers apart.
    _layer["CONFIG"]["prefix"] = f"pavilion-{worker_name()}"
