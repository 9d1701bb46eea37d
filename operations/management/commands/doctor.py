"""`manage.py doctor`: says what is configured and what is wrong."""

from __future__ import annotations

import dataclasses
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from operations.diagnosis import Finding, Level, diagnose, worst


class Command(BaseCommand):
    help = "Say what is configured and what is wrong. The exit status is 1 when there is a problem."
    # The doctor reports the system checks itself, in its own form: they must not stop it.
    requires_system_checks = []  # noqa: RUF012 -- declared so by Django

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = diagnose()
        self.stdout.write(_as_json(findings) if options["json"] else _as_text(findings))
        if worst(findings) is Level.PROBLEM:
            sys.exit(1)


def _as_json(findings: list[Finding]) -> str:
    return json.dumps(
        {"status": worst(findings), "findings": [dataclasses.asdict(finding) for finding in findings]}, indent=2
    )


def _as_text(findings: list[Finding]) -> str:
    width = max(len(finding.area) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<8} {finding.area:<{width}}  {finding.text}")
        if finding.advice:
            lines.append(f"{'':<8} {'':<{width}}  → {finding.advice}")
    counts = Counter(finding.level for finding in findings)
    lines.append("")
    lines.append(f"{counts[Level.OK]} fine, warnings: {counts[Level.WARNING]}, problems: {counts[Level.PROBLEM]}")
    return "\n".join(lines)
