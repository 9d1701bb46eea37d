"""Write requirements.txt and requirements/production.txt from the `.in` files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.console import ROOT, run, say, step
from scripts.steps import PYTHON, require_libraries

FULL = "requirements.txt"
PRODUCTION = "requirements/production.txt"
NOTES = {
    FULL: "# Locked from requirements/dev.in by `make lock`.",
    PRODUCTION: "# Locked from requirements/base.in by `make lock`: the part of requirements.txt that a server needs.",
}


def write_locks(arguments: list[str]) -> None:
    """Lock anew; `arguments` go to `uv pip compile`, such as `--upgrade-package django`."""
    require_libraries()
    with tempfile.TemporaryDirectory() as folder:
        tool = Path(folder, "venv")
        with step("Fetching the locking tool"):
            # A throw-away environment: the tool is no library of the product.
            run([str(PYTHON), "-m", "venv", str(tool)], seconds=120, quiet=True)
            run([str(tool / "bin" / "pip"), "install", "--quiet", "uv"], seconds=300, quiet=True)
        compiler = [str(tool / "bin" / "uv"), "pip", "compile", "--quiet", "--python-version", "3.11"]
        compiler += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", *arguments]
        with step("Locking"):
            run([*compiler, "requirements/dev.in", "-o", FULL], seconds=300, quiet=True)
            run([*compiler, "requirements/base.in", "-c", FULL, "-o", PRODUCTION], seconds=300, quiet=True)
    for name, note in NOTES.items():
        path = ROOT / name
        path.write_text(f"{note}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    say("Locked. Read the difference, run `make test`, and commit both files.")
