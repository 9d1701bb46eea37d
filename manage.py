#!/usr/bin/env python
"""Run a management command; `manage.py help` lists them."""

import gc
import os
import sys

# What supervisors may take as "do not try again": only a person can correct a setting.
WRONG_SETTING = 2


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        # Any name will do: the first one that is asked for reads the settings, and with them the environment.
        _ = settings.DEBUG
    except ImproperlyConfigured as error:
        print(f"Wrong setting: {error}", file=sys.stderr)
        sys.exit(WRONG_SETTING)
    _load()
    execute_from_command_line(sys.argv)


def _load() -> None:
    """Load the apps without looking for garbage: what they are made of stays, and the search is a third of the time."""
    import django

    gc.disable()
    django.setup()
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
