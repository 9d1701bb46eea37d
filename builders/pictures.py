"""Pictures as they come from phones and cameras, made into those that a page shows.

Every picture is decoded and encoded anew: position, camera, colour profile and whatever else a file may carry stays
behind, and a file that is something else as well, such as a page, does not survive it.
"""

from __future__ import annotations

import hashlib
import io
import threading
from typing import IO, Final, NamedTuple

from PIL import Image, ImageOps, features

from realtime.errors import ClientError

MOST_BYTES = 10 * 1024 * 1024
# More than any phone makes. A picture of this size takes up to 300 MB while it is decoded, unless it is a JPEG.
MOST_PIXELS = 50_000_000
WIDTHS: Final = (320, 640, 1280)
_QUALITY = 80
# Whichever side is the longer one; the widest on a page is half as wide, and at most twice as high.
_ENOUGH = (WIDTHS[-1] * 2, WIDTHS[-1] * 2)
# The others have a palette, or more levels than a page shows, and become one of these before.
_SHRINKING_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")
_FORMATS = ("JPEG", "PNG", "WEBP", *(["AVIF"] if features.check("avif") else []))
# One at a time: several large pictures together would be too much for a small machine.
_decoding = threading.Lock()


class PictureRefused(ClientError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, field="file")


class Encoded(NamedTuple):
    """`files` are WebP by their widths, the widest last; `width` and `height` are those of the widest."""

    digest: str
    width: int
    height: int
    files: dict[int, bytes]


def encoded(file: IO[bytes]) -> Encoded:
    """Return the picture in the widths of pages, never larger than it is. Raises `PictureRefused`."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise PictureRefused("too_large", f"A picture has at most {MOST_BYTES // 1024 // 1024} MB.")
    with _decoding:
        picture = _decoded(content)
        sizes = {width: _shrunk(picture, width) for width in WIDTHS if width < picture.width or width == WIDTHS[-1]}
        files = {width: _webp(shrunk) for width, shrunk in sizes.items()}
    widest = sizes[WIDTHS[-1]]
    digest = hashlib.blake2b(files[WIDTHS[-1]], digest_size=16).hexdigest()
    return Encoded(digest, widest.width, widest.height, files)


def _decoded(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PictureRefused("too_large", f"A picture has at most {MOST_PIXELS // 1_000_000} million pixels.")
            # A JPEG can be decoded at a fraction of its size.
            opened.draft("RGB", _ENOUGH)
            picture = opened if opened.mode in _SHRINKING_MODES else _in_colours(opened)
            # First of all: every copy of a large picture is as large as it.
            picture.thumbnail(_ENOUGH, Image.Resampling.LANCZOS)
            return _in_colours(ImageOps.exif_transpose(picture))
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefused("too_large", "This picture has too many pixels.") from error
    except Exception as error:  # decoders raise whatever they like for bytes that are no picture
        message = "This is no picture that can be read. JPEG, PNG, WebP and AVIF can."
        raise PictureRefused("invalid", message) from error


def _in_colours(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _shrunk(picture: Image.Image, width: int) -> Image.Image:
    # Twice as high as it is wide at most: what is taller would be a stripe on every page.
    shrunk = picture.copy()
    shrunk.thumbnail((width, width * 2), Image.Resampling.LANCZOS)
    return shrunk


def _webp(picture: Image.Image) -> bytes:
    # Pillow writes what it finds here into the file: colour profile, position, comments.
    picture.info = {}
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
