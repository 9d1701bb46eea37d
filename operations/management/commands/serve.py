"""`manage.py serve`: one server process, with the options that the product's promises rest on."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, cast

import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from operations.listener import (
    BACKLOG,
    ListenError,
    address_of,
    adopt_listener,
    listen_tcp,
    listen_unix,
    raise_file_limit,
)

# A larger frame is answered with close code 1009 before it is read into memory.
MAX_FRAME_BYTES = 65536
PING_SECONDS = 20
# Supervisors wait 20 s before they kill: what is left after the connections belongs to the writers' last batch.
GRACEFUL_SECONDS = 15


class AnnouncingServer(uvicorn.Server):
    """A uvicorn server that says where it answers once it does."""

    announcement = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            print(self.announcement, flush=True)


class Command(BaseCommand):
    help = "Serve pages, the API and WebSockets from this process until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        environment = settings.ENVIRONMENT
        parser.add_argument("--host", default=environment.host, help="address to listen on (HOST)")
        parser.add_argument("--port", type=int, default=environment.port, help="port to listen on (PORT)")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--uds", type=Path, help="listen on a Unix socket at this path instead")
        place.add_argument("--fd", type=int, help="use the listening socket passed on as this file descriptor")

    def handle(self, *args: Any, **options: Any) -> None:
        listener = _open_listener(options)
        before, after = raise_file_limit()
        if after > before:
            self.stdout.write(f"Open files allowed: raised from {before} to {after}.")
        _prepare_database()
        server = AnnouncingServer(_uvicorn_config())
        server.announcement = f"Pavilion {settings.VERSION} answers on {address_of(listener)}"
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has finished its orderly stop and passes Ctrl-C on; there is nothing left to interrupt.
            self.stdout.write("Stopped.")
        finally:
            if options["uds"]:
                options["uds"].unlink(missing_ok=True)


def _open_listener(options: dict[str, Any]) -> socket.socket:
    try:
        if options["uds"]:
            return listen_unix(options["uds"])
        if options["fd"] is not None:
            return adopt_listener(options["fd"])
        return listen_tcp(options["host"], options["port"])
    except ListenError as error:
        raise CommandError(str(error)) from error


def _prepare_database() -> None:
    """Refuse a database that is away or behind. A throw-away database is new in every process and is filled here."""
    if not settings.ENVIRONMENT.persistence_enabled:
        call_command("migrate", verbosity=0)
        call_command("setup_demo")
        return
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise CommandError(f"The database does not answer: {str(error).strip()}") from error
    finally:
        connection.close()
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:5])
        more = f" and {len(plan) - 5} more" if len(plan) > 5 else ""
        raise CommandError(f"The database is behind this version ({names}{more}). Run: manage.py migrate")


def _uvicorn_config() -> uvicorn.Config:
    return uvicorn.Config(
        _application(),
        loop="uvloop",
        http="httptools",
        # This implementation has write back-pressure: a slow reader holds its own sends up and nobody else's memory.
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        # Deflating would cost each connection a context and each event one compression per connection.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def _application() -> ASGI3Application:
    # Imported here: it wires every app together, which the other commands do not need.
    from config.asgi import application

    # Channels' router is an ASGI 3 application, but comes without types.
    plain = cast(ASGI3Application, application)
    return _behind_proxy(plain, settings.TRUSTED_PROXIES) if settings.TRUSTED_PROXIES else plain


def _behind_proxy(application: ASGI3Application, proxies: list[str]) -> ASGI3Application:
    """Believe X-Forwarded-For and X-Forwarded-Proto from the addresses in `proxies`, and from nobody else."""
    inner = ProxyHeadersMiddleware(application, trusted_hosts=proxies)

    async def serve(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        # A peer on a Unix socket has no address. Only programs of this machine reach one, so it counts as this machine:
        # trusting 127.0.0.1 covers it, and the whole chain of forwarded addresses is still checked.
        if scope["type"] != "lifespan" and not scope.get("client"):
            scope["client"] = ("127.0.0.1", 0)
        await inner(scope, receive, send)

    return serve
