"""The machine: data folder, disk, journals, open files, built front end."""

from __future__ import annotations

import fcntl
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from operations.diagnosis.findings import Finding, ok, problem, warning

_MB = 2**20
# Below the first a day of a busy festival may no longer fit; below the second neither log nor journal does.
_LOW_DISK_MB, _FULL_DISK_MB = 1024, 100
# A thousand visitors take two files each at worst, on top of the server's own.
_FEW_FILES = 4096
# A journal this full takes hardly another batch.
_NEARLY_FULL = 0.95


def host_findings() -> Iterator[Finding]:
    yield from _data_folder(settings.DATA_DIR)
    yield from _journals(settings.SPOOL_DIR)
    yield _open_files()
    yield _front_end(Path(settings.STATICFILES_DIRS[0]))
    yield _collected(Path(settings.STATIC_ROOT), Path(settings.STATICFILES_DIRS[0]))


def _refusal_to_write(folder: Path) -> str:
    """Return why no file can be written there, an empty text when one can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _data_folder(folder: Path) -> Iterator[Finding]:
    refusal = _refusal_to_write(folder)
    if refusal:
        yield problem("data folder", f"{folder} cannot be written: {refusal}.", "Correct its owner or DATA_DIR.")
        return
    free = shutil.disk_usage(folder).free // _MB
    text = f"{folder} is writable, {free:,} MB free"
    if free < _FULL_DISK_MB:
        yield problem("data folder", text, "Free some space now: writing is about to fail.")
    elif free < _LOW_DISK_MB:
        yield warning("data folder", text, "Free some space soon.")
    else:
        yield ok("data folder", text)


def _journals(folder: Path) -> Iterator[Finding]:
    """Report whether drafts can be kept while the database is away, and those that wait to be stored already."""
    refusal = _refusal_to_write(folder)
    if refusal:
        advice = "Correct its owner: without it, sending is refused while the database is away."
        yield problem("journal", f"{folder} cannot be written: {refusal}.", advice)
        return
    files = [path for path in sorted(folder.glob("*.journal")) if path.stat().st_size]
    size, limit = sum(path.stat().st_size for path in files), settings.SPOOL_MAX_BYTES
    free = shutil.disk_usage(folder).free
    if free < limit:
        yield warning(
            "journal",
            f"up to {limit // _MB:,} MB for each process, and the disk has {free // _MB:,} MB left.",
            "Free some space, or lower SPOOL_MAX_BYTES.",
        )
    elif not files:
        yield ok("journal", f"{folder} is writable and empty, up to {limit // _MB:,} MB for each process")
    if not files:
        return
    text = f"{len(files)} files with {size // 1024 + 1} kB of messages that wait for the database"
    if any(path.stat().st_size > limit * _NEARLY_FULL for path in files):
        yield problem("journal", f"{text}; one is full.", "Bring the database back: sending is refused until then.")
    elif orphans := [path for path in files if not _is_owned(path)]:
        advice = f"{len(orphans)} of them belong to servers that are gone: the next server to start stores them."
        yield warning("journal", text, advice)
    else:
        yield warning("journal", text, "The server that owns them stores them as soon as the database answers.")


def _is_owned(path: Path) -> bool:
    """Return whether a living process holds the journal's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return ok("open files", "without limit")
    if hard < _FEW_FILES:
        return warning(
            "open files", f"{hard}: at most about {hard - 200} visitors at once.", "Set LimitNOFILE=65536 in the unit."
        )
    return ok("open files", f"up to {hard:,}, one for each visitor")


def _front_end(static: Path) -> Finding:
    built = static / "dist"
    if built.is_dir() and any(path.suffix == ".js" for path in built.iterdir()):
        return ok("front end", "built")
    return problem("front end", f"{built} has no scripts: rooms would not be live.", "Run: make build")


def _collected(collected: Path, static: Path) -> Finding:
    manifest = collected / "staticfiles.json"
    if settings.DEBUG:
        return ok("static files", "served from their sources while DEBUG is on")
    if not manifest.exists():
        return problem("static files", f"{collected} is empty: pages cannot be shown.", "Run: make build")
    made = manifest.stat().st_mtime
    if any(path.stat().st_mtime > made for path in static.rglob("*") if path.is_file() and path.name[0] != "."):
        return warning("static files", "older than their sources", "Run: make build")
    return ok("static files", f"collected in {collected}")
