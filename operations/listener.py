"""The listening socket of a server process, opened before anything else so that a taken port is said at once."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
from pathlib import Path

BACKLOG = 4096
# A peer that acknowledges nothing for this long is dropped by the kernel, and with it the bytes buffered for it.
# Without it a phone that left the network would hold its buffer for a quarter of an hour. Long enough for a reader that
# has stalled: it is given up after 30 s and has another 60 s to read why.
USER_TIMEOUT_MS = 120_000


class ListenError(Exception):
    """The socket cannot be opened; the text says why and what to do about it."""


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a listening socket on `host`:`port`. Raises `ListenError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ListenError(f"HOST {host!r} is no address of this machine: {error.strerror}.") from error
    listener = socket.socket(family, kind, protocol)
    # After a restart the old connections linger in TIME_WAIT and must not keep the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(_refusal(host, port, error)) from error
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop that one, or choose another: PORT={port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights: choose one above 1023, or put a proxy in front."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST {host} is no address of this machine."
    return f"Cannot listen on {host}:{port}: {error.strerror}."


def listen_unix(path: Path) -> socket.socket:
    """Return a listening socket at `path` that the owner and its group may use. Raises `ListenError`.

    The file stays when the server ends, and the next one replaces it.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead_socket(path)
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(f"Cannot listen on {path}: {error.strerror or error}.") from error
    return listener


def _remove_dead_socket(path: Path) -> None:
    """Delete what an ended server left at `path`; a socket that answers, or any other file, is an error."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OSError(errno.EEXIST, "a file that is no socket is in the way")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another server listens there")


def adopt_listener(fd: int) -> socket.socket:
    """Return the socket that a supervisor opened and passed on as file descriptor `fd`. Raises `ListenError`."""
    try:
        listener = socket.socket(fileno=fd)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenError(f"File descriptor {fd} is no socket: {error.strerror}.") from error
    if not listening:
        # It is the supervisor's to close.
        listener.detach()
        raise ListenError(f"The socket on file descriptor {fd} does not listen.")
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    return listener


def address_of(listener: socket.socket) -> str:
    """Return where `listener` answers, as a person would type it: a URL, or the path of a Unix socket."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(listener.getsockname())}"
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 -- compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def raise_file_limit() -> tuple[int, int]:
    """Raise the soft limit of open files to the hard one; every socket is a file. Returns (before, after)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft, soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft, hard
