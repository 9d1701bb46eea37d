"""The API as its own description has it: whatever is asked, no answer is a bug, and each has a documented form."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from config.api import api
from tests.backends import chosen_backend
from tests.rig import fill, log_in, make_member, open_room

CONTENT_TYPES = ("application/json", "application/problem+json", "image/svg+xml", "text/html")
# What a route answers beside what its description lists: refusals are described once, in docs/http-api.md.
REFUSALS = {400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 423, 429}

schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema())))
OPERATIONS = [result.ok() for result in schema.get_all_operations()]


def needs_session(operation: Any) -> bool:
    return bool(operation.path_parameters and operation.definition.raw.get("security"))


CASES = [
    pytest.param(operation, mode, id=f"{name}-{operation.label}")
    for operation in OPERATIONS
    for mode, name in ((GenerationMode.POSITIVE, "fitting"), (GenerationMode.NEGATIVE, "unfitting"))
    # Of a route without a body and a query nothing can be wrong but the session: any text may be a path parameter.
    if mode is GenerationMode.POSITIVE or operation.body or operation.query or needs_session(operation)
]


@pytest.fixture
def room(db):
    person = make_member("Ada")
    room = open_room(owner=person)
    fill(person, room, 3)
    return room


@pytest.fixture
def client(room):
    client = Client()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = log_in(room.memberships.get().user)
    return client


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(django_settings, "RATE_LIMITS_ENABLED", False)


def send(client: Client, case: Any) -> Any:
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "cookie"}
    # What is not set has no JSON form, nor has a form with its files: that one arrives as no form at all.
    has_json = isinstance(case.body, str | int | float | list | dict | None)
    body = json.dumps(case.body) if has_json and case.media_type != "multipart/form-data" else ""
    query = dict(case.query or {})
    return client.generic(
        case.method, case.formatted_path, body, "application/json", headers=headers, query_params=query
    )


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_answer_is_never_a_bug_and_has_a_documented_form(operation, mode, client, room):
    # Nobody here is staff: their routes refuse everything that fits, and a few that does not are enough.
    examples = 5 if "/admin/" in operation.path else 20 if chosen_backend() == "sqlite" else 8
    described = {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}

    @given(case=operation.as_strategy(generation_mode=mode), is_real=st.booleans())
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case, is_real):
        if is_real and "uid" in (case.path_parameters or {}):
            case.path_parameters["uid"] = room.uid
        answer = send(client, case)
        # Without a running server there is nothing to wait for: that one route says so.
        expected = described | REFUSALS | ({503} if case.path.endswith("/changes") else set())
        assert answer.status_code in expected, answer.content
        if answer.status_code not in (204, 405):
            assert answer["Content-Type"].partition(";")[0] in CONTENT_TYPES
        if answer["Content-Type"].startswith("application/problem+json"):
            assert answer.json()["status"] == answer.status_code

    ask()


def test_all_routes_are_asked():
    assert len(OPERATIONS) >= 13
