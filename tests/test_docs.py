"""What the product understands and says is written down: settings, commands, events, codes, routes and jobs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from chat.consumers import ChatConsumer
from config.api import api
from config.environment import Environment
from config.jobs import JOBS
from realtime.close_codes import CloseCode
from realtime.errors import HTTP_STATUS

# No database is asked: one backend is enough.
pytestmark = pytest.mark.backend("sqlite")

ROOT = Path(__file__).resolve().parent.parent
OUR_APPS = ("realtime", "operations", "accounts", "chat", "dashboard", "config")
SOURCES = ("realtime", "chat")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def protocol() -> str:
    return read("docs/protocol.md")


@pytest.mark.parametrize("name", [field.name.upper() for field in dataclasses.fields(Environment)])
@pytest.mark.parametrize("document", ["docs/configuration.md", ".env.example"])
def test_environment_variable_is_documented(document, name):
    assert re.search(rf"\b{name}\b", read(document))


@pytest.mark.parametrize("op", sorted(ChatConsumer.commands))
def test_command_is_documented(protocol, op):
    assert f"`{op}`" in protocol


def events() -> list[str]:
    """Return the names of all events that the sources send: three kinds of calls make one."""
    source = "\n".join(path.read_text(encoding="utf-8") for name in SOURCES for path in (ROOT / name).rglob("*.py"))
    literal = re.findall(r'wire\.signal\(\s*"([a-z_.]+)"', source) + re.findall(r'"ev":\s*"([a-z_.]+)"', source)
    durable = re.findall(r'"((?:message|room|member)\.[a-z]+(?:ed|d))"', source)
    return sorted({*literal, *durable, "bye"})


def test_events_are_found():
    assert {"message.created", "room.cleared", "member.changed", "presence.count", "hello", "skipped"} <= set(events())


@pytest.mark.parametrize("name", events())
def test_event_is_documented(protocol, name):
    assert f"`{name}`" in protocol


@pytest.mark.parametrize(("code", "status"), HTTP_STATUS.items())
def test_error_code_is_documented_with_its_status(protocol, code, status):
    assert re.search(rf"`{code}`\s*\|\s*{status}\b", protocol)


@pytest.mark.parametrize("code", CloseCode, ids=lambda code: code.reason)
def test_close_code_is_documented_with_its_reason(protocol, code):
    assert re.search(rf"\b{code.value}\s*\|\s*`{code.reason}`", protocol)


@pytest.mark.parametrize(
    "code", sorted(set(re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", read("docs/protocol.md"), re.MULTILINE)))
)
def test_error_code_that_is_documented_exists(code):
    assert code in HTTP_STATUS


def test_error_codes_in_the_sources_exist():
    source = "\n".join(path.read_text(encoding="utf-8") for app in OUR_APPS for path in (ROOT / app).rglob("*.py"))
    used = set(re.findall(r'ClientError\(\s*"([a-z_]+)"', source)) | set(
        re.findall(r'__init__\(\s*"([a-z_]+)", "', source)
    )
    assert used
    assert used <= HTTP_STATUS.keys()


def api_routes() -> list[str]:
    schema = api.get_openapi_schema()
    return sorted(f"{method.upper()} {path}" for path, item in schema["paths"].items() for method in item)


@pytest.mark.parametrize("route", api_routes())
def test_api_route_is_documented(route):
    assert f"`{route}`" in read("docs/http-api.md")


def test_api_routes_that_are_documented_exist():
    documented = set(re.findall(r"^\| `([A-Z]+ /api/[^`?]*)`", read("docs/http-api.md"), re.MULTILINE))
    assert documented
    assert documented <= set(api_routes())


def plain_routes() -> list[str]:
    """Return the operators' addresses outside the API and the pages: no parameters, no include."""
    return [str(p.pattern) for p in get_resolver().url_patterns if isinstance(p, URLPattern)]


@pytest.mark.parametrize("route", plain_routes())
def test_operators_route_is_documented(route):
    assert f"`GET /{route}`" in read("docs/http-api.md")


def test_operators_routes_are_found():
    assert {"health", "ready", "metrics"} <= set(plain_routes())
    assert any(isinstance(p, URLResolver) for p in get_resolver().url_patterns)


@pytest.mark.parametrize("command", sorted(name for name, app in get_commands().items() if app in OUR_APPS))
def test_management_command_is_documented(command):
    assert re.search(rf"manage\.py {command}\b|`{command}\b", read("docs/operations.md"))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_job_is_documented(job):
    assert job.name in read("docs/operations.md")


def test_links_between_documents_lead_somewhere():
    missing = []
    for document in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        if not document.exists():
            continue
        targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
        local = [target for target in targets if "://" not in target]
        missing += [f"{document.name}: {target}" for target in local if not (document.parent / target).exists()]
    assert missing == []
