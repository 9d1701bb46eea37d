"""Files that are made while somebody waits for them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

_PIECE = 1 << 16
# What is smaller never touches the disk.
_IN_MEMORY = 1 << 20


def download(request: HttpRequest, texts: Iterable[str], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Answer with a file of any size. It is made whole first: half a file is worse than an error page."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by whoever sends it
    try:
        file.writelines(text.encode() for text in texts)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    # A server that is asynchronous would read all of a plain iterator into memory.
    pieces = _asynchronously(file) if isinstance(request, ASGIRequest) else _pieces(file)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Length"] = str(size)
    response["Cache-Control"] = "no-store"
    return response


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


async def _asynchronously(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await sync_to_async(file.read)(_PIECE):
            yield piece
    finally:
        file.close()
