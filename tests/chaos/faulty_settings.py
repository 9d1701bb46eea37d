"""The product's settings with a channel layer that cannot be trusted."""

from config.settings import *  # noqa: F403
from config.settings import CHANNEL_LAYERS

CHANNEL_LAYERS = {"default": {**CHANNEL_LAYERS["default"], "BACKEND": "tests.chaos.faulty_layer.FaultyLayer"}}
