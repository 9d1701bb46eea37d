"""Records of Google that another system sends, as an import like any other."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from accounts.models import User
from builders.importing.errors import FileRefused
from builders.importing.files import open_table
from builders.importing.json_shapes import LISTING, PLACES_CLASSIC, PLACES_NEW
from builders.models import ImportJob
from builders.permissions import can_import
from builders.services.imports import FileNotRead, create_import
from realtime.errors import ClientError

_NAME = "google.json"


def import_google_records(*, actor: User | None, body: bytes, source: str = "", region: str = "") -> ImportJob:
    """Keep the records of a JSON text for a preview. Raises `FileNotRead` where they are no records of Google."""
    if not can_import(actor):
        raise ClientError("forbidden", "You may not import.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _NAME
        path.write_bytes(body)
        try:
            with open_table(path, _NAME) as table:
                shape = table.layout.shape
        except FileRefused as error:
            raise FileNotRead(error) from error
    if shape not in (PLACES_NEW, PLACES_CLASSIC, LISTING):
        raise FileNotRead(FileRefused("not_google", "These are no records of Google that this version knows."))
    return create_import(actor=actor, file=io.BytesIO(body), name=_NAME, source=source, region=region)
