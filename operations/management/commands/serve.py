"""`manage.py serve`: one server process, with the options that the product's promises rest on."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from uvicorn._types import ASGI3Application

from operations.listener import ListenError, address_of, adopt_listener, listen_tcp, listen_unix, raise_file_limit
from operations.reach import database_refusal
from operations.server import Server, server_config


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
        _refuse_open_limits(options)
        listener = _open_listener(options)
        before, after = raise_file_limit()
        if after > before:
            self.stdout.write(f"Open files allowed: raised from {before} to {after}.")
        if not settings.ENVIRONMENT.persistence_enabled:
            self.stdout.write("PERSISTENCE_ENABLED=false: everything is forgotten when this server stops.")
        _prepare_database()
        address = address_of(listener)
        server = Server(
            server_config(_application()),
            announcement=f"Pavilion {settings.VERSION} answers on {address}",
        )
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has finished its orderly stop and passes Ctrl-C on; there is nothing left to interrupt.
            self.stdout.write("Stopped.")


def _refuse_open_limits(options: dict[str, Any]) -> None:
    """Without rate limits only this machine may reach the server, also when `--host` overrules HOST."""
    is_loopback = options["host"] in ("127.0.0.1", "::1", "localhost") and options["fd"] is None
    if not settings.RATE_LIMITS_ENABLED and not is_loopback:
        raise CommandError("RATE_LIMITS_ENABLED=false is refused unless the server listens on a loopback address.")


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
    refusal = database_refusal()
    if refusal:
        raise CommandError(f"The database does not answer: {refusal}")
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
        raise CommandError(f"The database is behind this version ({names}{more}). Run: manage.py migrate, or make run")


def _application() -> ASGI3Application:
    # By its name in the settings: it wires every app together, and lies above this one.
    # Channels' router is an ASGI 3 application, but comes without types.
    return cast(ASGI3Application, import_string(settings.ASGI_APPLICATION))
