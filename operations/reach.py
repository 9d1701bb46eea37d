"""Whether the database can be reached at all, asked without its pool."""

from __future__ import annotations

from django.db import DatabaseError, connections


def database_refusal() -> str:
    """Return in one line why the database cannot be reached, an empty text when it can.

    A pool would try again and again in the background, write each try into the log, and say only that time has passed.
    """
    alone = connections["default"].copy()
    alone.settings_dict["OPTIONS"].pop("pool", None)
    try:
        alone.ensure_connection()
    except DatabaseError as error:
        return " ".join(str(error).split())
    finally:
        alone.close()
    return ""
