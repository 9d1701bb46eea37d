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
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed with the response
    try:
        file.writelines(text.encode() for text in texts)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    # A server that is asynchronous would read all of a plain iterator into memory.
    pieces = _PiecesBesides(file) if isinstance(request, ASGIRequest) else _PiecesInTurn(file)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Length"] = str(size)
    response["Cache-Control"] = "no-store"
    return response


class _Pieces:
    """The pieces of a file, which Django closes with the response: also one that nobody has begun to read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def close(self) -> None:
        self._file.close()


class _PiecesInTurn(_Pieces):
    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            yield piece


class _PiecesBesides(_Pieces):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await sync_to_async(self._file.read)(_PIECE):
            yield piece
