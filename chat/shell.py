"""What makes the pages installable: the manifest, the service worker, and the page shown without a network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

SHELL_FILES = ("dist/pavilion.css", "dist/app.js", "dist/offline.js", "img/icons.svg", "img/icon.svg")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    icons = [
        {"src": static("img/icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        {"src": static("img/icon-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": static("img/icon-512.png"), "sizes": "512x512", "type": "image/png"},
        {"src": static("img/icon-maskable.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    about = {
        "id": "/",
        "name": "Pavilion",
        "short_name": "Pavilion",
        "description": "Live rooms for festivals and fairs.",
        "start_url": reverse("chat:home"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f4f1e9",
        "theme_color": "#0c5a48",
        "icons": icons,
    }
    return JsonResponse(about, content_type="application/manifest+json")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker keeps. It names nobody: it is stored once for all who use the browser."""
    return render(request, "chat/offline.html")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Serve the worker from the root, because a worker rules over the paths below its own."""
    path = finders.find("dist/service-worker.js")
    if path is None:
        raise ImproperlyConfigured("The front end is not built: static/dist/service-worker.js is missing.")
    source = Path(path).read_text(encoding="utf-8")
    shell = {"page": reverse("chat:offline"), "files": [static(name) for name in SHELL_FILES]}
    # A new name for every build: the browser then fetches the shell anew and drops the old one.
    version = hashlib.sha256((source + json.dumps(shell)).encode()).hexdigest()[:12]
    script = f"const SHELL = {json.dumps(shell | {'version': version})};\n{source}"
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
