"""As few settings as the peer runs with. `PEER_DATA_DIR` holds the database."""

from __future__ import annotations

import os
from pathlib import Path

SECRET_KEY = "a benchmark has no secrets to keep"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels", "benchmarks.peers.stock_channels.room"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["PEER_DATA_DIR"]) / "peer.sqlite3",
    }
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.peers.stock_channels.urls"
USE_TZ = True
# The tutorial's consumer keeps nothing; with true each message is saved before it is sent on.
PEER_SAVES = os.environ.get("PEER_SAVES") == "true"
