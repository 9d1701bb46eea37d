"""Pictures of portfolios from the storage, for installations without a proxy that serves them itself.

Nothing else of the media folder is served: imports and attachments lie beside them.
"""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from builders.services.pictures import FOLDER


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with a picture. The route takes names of our own making alone."""
    try:
        with default_storage.open(f"{FOLDER}/{name}") as file:
            response = HttpResponse(file.read(), content_type="image/webp")
    except FileNotFoundError as error:
        raise Http404 from error
    # The name is made of the content: what it names never changes.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
