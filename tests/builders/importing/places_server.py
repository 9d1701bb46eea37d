"""A server on this machine that answers as Places API (New) does: pages, tokens, field masks, quotas and failures."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "invented-key-0123456789"


@dataclass
class Fault:
    """What the next request gets instead of an answer. `silence` is how long it waits for nothing, in seconds."""

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": {"code": 503, "message": "Try again.", "status": "UNAVAILABLE"}}'
    silence: float = 0.0
    breaks: bool = False


@dataclass
class PlacesServer:
    url: str = ""
    places: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    # Method, path, body and the moment of each request.
    requests: list[tuple[str, str, dict[str, Any], float]] = field(default_factory=list)
    tokens: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if headers.get("X-Goog-Api-Key") != KEY:
            # Some answers repeat the key that was sent.
            return 403, _error(403, f"API key {headers.get('X-Goog-Api-Key')} is not valid.", "PERMISSION_DENIED")
        mask = headers.get("X-Goog-FieldMask", "")
        if not mask:
            return 400, _error(400, "FieldMask is a required parameter.", "INVALID_ARGUMENT")
        if method == "POST" and path == "/v1/places:searchText":
            return self._search(body, mask.split(","))
        if method == "GET" and path.startswith("/v1/places/"):
            wanted = path.removeprefix("/v1/places/").partition("?")[0]
            found = next((place for place in self.places if place["id"] == wanted), None)
            return (200, _masked(found, mask.split(","))) if found else (404, _error(404, "Not found.", "NOT_FOUND"))
        return 404, _error(404, "No such method.", "NOT_FOUND")

    def _search(self, body: dict[str, Any], mask: list[str]) -> tuple[int, dict[str, Any]]:
        question = {key: value for key, value in body.items() if key not in ("pageToken", "pageSize")}
        start = 0
        if token := body.get("pageToken"):
            start, first = self.tokens.pop(token, (-1, {}))
            if start < 0 or first != question:
                return 400, _error(400, "Request parameters differ from those of the page token.", "INVALID_ARGUMENT")
        size = min(body.get("pageSize", 20), 20)
        names = [name.removeprefix("places.") for name in mask if name.startswith("places.")]
        page: dict[str, Any] = {"places": [_masked(place, names) for place in self.places[start : start + size]]}
        if start + size < min(len(self.places), 60) and "nextPageToken" in mask:
            page["nextPageToken"] = f"token-{len(self.requests)}"
            self.tokens[page["nextPageToken"]] = (start + size, question)
        # As Google does it: nothing found is an empty object.
        return 200, page if page["places"] else {}


def _error(code: int, message: str, status: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status}}


def _masked(place: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {key: value for key, value in place.items() if key in names}


@contextlib.contextmanager
def serving() -> Iterator[PlacesServer]:
    rig = PlacesServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._respond({})

        def _respond(self, body: dict[str, Any]) -> None:
            rig.requests.append((self.command, self.path, body, time.monotonic()))
            fault = rig.faults.pop(0) if rig.faults else None
            if fault is None:
                status, answer = rig.answer(self.command, self.path, self.headers, body)
                return self._send(status, {}, json.dumps(answer).encode())
            time.sleep(fault.silence)
            if fault.breaks:
                self.close_connection = True
                return self.connection.close()
            return self._send(fault.status, fault.headers, fault.body)

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(content)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing: the tests read `requests`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    rig.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield rig
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
