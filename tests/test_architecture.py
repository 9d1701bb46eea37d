"""The house keeps its order: who may import whom, and how large a thing may become."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

# No database is asked: one backend is enough.
pytestmark = pytest.mark.backend("sqlite")

ROOT = Path(__file__).resolve().parent.parent
# Each may import those before it. Names in settings are strings, and no imports.
LAYERS = ("realtime", "operations", "accounts", "chat", "builders", "dashboard", "config")
# Neighbours that never meet, although one of them comes first in the list.
STRANGERS = {"chat": {"builders"}, "builders": {"chat"}}
OUTSIDE = ("benchmarks", "tests", "scripts")
# Within an app, what is further to the right may import what is further to the left. Entry points come last.
INSIDE = (
    "models",
    "permissions",
    "queries",
    "services",
    "live",
    "joining",
    "record",
    "folding",
    "importing",
    "duplicates",
)
ENTRY_POINTS = {"api", "consumers", "views", "admin", "management", "urls", "forms"}
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 500
READS = {"get", "filter", "all", "first", "exists", "count", "create", "exclude", "values_list", "values", "aggregate"}


def modules() -> list[Path]:
    found = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything a module imports, also inside functions and for type checkers alone."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively."
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def every_module(rule: Callable[[Path], list[str]]) -> Callable[[], None]:
    """Make a test of a rule that returns what is wrong with a module: it names all that break it."""

    def test() -> None:
        broken = {named(path): wrong for path in modules() if (wrong := rule(path))}
        assert broken == {}

    test.__name__ = rule.__name__
    return test


@every_module
def test_module_imports_only_what_lies_below(path):
    own = LAYERS.index(layer_of(path))
    above = {*LAYERS[own + 1 :], *OUTSIDE, *STRANGERS.get(layer_of(path), ())}
    return [f"{line} {name}" for line, name in imports(path) if name.partition(".")[0] in above]


@every_module
def test_realtime_is_a_library_without_models(path):
    if layer_of(path) != "realtime":
        return []
    forbidden = ("django.db.models", "django.contrib", "ninja", "rest_framework")
    wrong = [name for _, name in imports(path) if name.startswith(forbidden)]
    return [*wrong, "has models"] if path.name == "models.py" else wrong


@every_module
def test_services_and_what_is_below_know_no_entry_point(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if len(parts) < 2 or parts[0] == "config" or parts[1] not in INSIDE:
        return []
    return [name for _, name in imports(path) if name.startswith(f"{parts[0]}.") and name.split(".")[1] in ENTRY_POINTS]


@every_module
def test_reads_know_no_writes(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_read = len(parts) > 1 and parts[1] in ("models", "permissions", "queries", "events")
    return [name for _, name in imports(path) if ".services" in name] if is_read else []


@every_module
def test_functions_are_short_and_files_are_not_long(path):
    lines = {node.name: node.end_lineno - node.lineno + 1 for node in functions(path)}
    long = [f"{name}: {count} lines" for name, count in lines.items() if count > MAX_FUNCTION_LINES]
    count = len(path.read_text(encoding="utf-8").splitlines())
    return [*long, f"{count} lines"] if count > MAX_FILE_LINES else long


@every_module
def test_nothing_is_asked_of_the_database_at_import(path):
    wrong = []
    for statement in outside_functions(tree(path)):
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        wrong += [f"line {call.lineno}" for call in calls if is_query(call)]
    return wrong


def outside_functions(module: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            yield from outside_functions(statement)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def is_query(call: ast.Call) -> bool:
    """Return whether the call ends a chain such as `Room.objects.filter(...)`."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in READS):
        return False
    return any(isinstance(node, ast.Attribute) and node.attr == "objects" for node in ast.walk(call.func))


@every_module
def test_module_has_a_name_that_says_something(path):
    files = {"utils", "helpers", "common", "misc", "base"} & {part.removesuffix(".py") for part in path.parts[-2:]}
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    return [*files, *(name for name in classes if name.endswith(("Helper", "Utils")) or name.startswith("Base"))]


@every_module
def test_errors_are_not_swallowed(path):
    """A handler for everything logs, re-raises, or keeps the error; `pass` alone hides a bug."""
    bare = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler) and is_catch_all(node):
            has_only_pass = all(isinstance(statement, ast.Pass) for statement in node.body)
            if node.type is None or has_only_pass:
                bare.append(f"line {node.lineno}")
    return bare


def is_catch_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


@every_module
def test_environment_is_read_in_one_place(path):
    if named(path) in ("config/environment.py", "config/variables.py", "config/asgi.py"):
        return []
    source = path.read_text(encoding="utf-8")
    return [name for name in ("os.environ", "os.getenv") if name in source]


@every_module
def test_signals_of_our_own_are_not_used(path):
    return [name for _, name in imports(path) if name.startswith(("django.dispatch", "django.db.models.signals"))]


@every_module
def test_nothing_is_left_for_later(path):
    source = path.read_text(encoding="utf-8")
    return [word for word in ("TODO", "FIXME", "XXX", "NotImplementedError") if word in source]


def test_marked_tests_lie_where_the_whole_run_looks_for_them():
    # It need not read all files to find a few: scripts/suite.py names these folders.
    for mark, folder in (("browser", "browser"), ("quiet", "chaos")):
        marked = [
            path for path in (ROOT / "tests").rglob("test_*.py") if f"pytest.mark.{mark}" in path.read_text("utf-8")
        ]
        assert [named(path) for path in marked if path.parent.name != folder] == []
