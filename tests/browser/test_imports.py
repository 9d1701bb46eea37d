"""Staff import a file and merge builders in real browsers, with every page read on a phone and on a laptop."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_other_pages import STAFF_FAULTS, log_in_as_staff
from tests.browser.test_pages import check
from tests.browser.visitor import LAPTOP, PHONE, Visitor, visitors
from tests.servers import StartServer

pytestmark = pytest.mark.browser

LOOK: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "reduced_motion": "reduce", "accept_downloads": True}
DAY, NIGHT = (PHONE, "light"), (LAPTOP, "dark")
HEADER = ["Company Name", "Email", "Phone", "Contact", "City", "Country", "Services", "Team Size"]
CITIES = (
    ("Düsseldorf", "Germany", "+49 211 55501"),
    ("Lyon", "France", "+33 4 72 55 01"),
    ("東京", "Japan", "+81 3 5550 1"),
    ("İstanbul", "Türkiye", "+90 212 555 01"),
)
# Enough to be read and written for longer than a page takes to load.
MANY = 8000
# What a page says while somebody waits, kept for the pages after it.
KEEP_LINES = """
addEventListener("DOMContentLoaded", () => {
  const line = document.querySelector("[role=status]");
  const keep = () => { sessionStorage.told = `${sessionStorage.told ?? ""}${line.textContent}\\n`; };
  if (!line) return;
  keep();
  new MutationObserver(keep).observe(line, { childList: true });
});
"""
MAKE_PAIR = """
from accounts.models import User
from builders.models import Claim, DuplicateCandidate
from builders.services.builders import create_builder
place = {"country": "DE", "city": "Köln", "street": "Messeplatz 1"}
first = create_builder(actor=None, values={"name": "Rheinstand GmbH", "headquarters": place, "founded": 1999,
    "phones": ["+492215550101"], "emails": ["info@rheinstand.de"], "description": "Stands since 1999."})
second = create_builder(actor=None, values={"name": "Rhein-Stand Messebau", "headquarters": place, "founded": 2001,
    "phones": ["+492215550101"], "emails": ["office@rheinstand.de"], "services": [{"name": "Rental"}]})
reasons = {"name": 81, "phone": True, "street": True, "domain": None, "email": False, "place": True}
DuplicateCandidate.objects.create(first=first, second=second, score=84, reasons=reasons)
member = User.objects.create_user("noor@example.org", display_name="Noor")
Claim.objects.create(builder=first, user=member, state="waiting", statement="I run this firm.\\nAsk the register.")
"""


def row(number: int, **changes: str) -> list[str]:
    city, country, phone = CITIES[number % len(CITIES)]
    cells = {
        "name": f"Messebau {number} & Söhne",
        "email": f"office@messebau-{number}.de",
        "phone": f"{phone}{number % 90 + 10}",
        "contact": "see the website",
        "city": city,
        "country": country,
        "services": "Modular stands; Graphics",
        "team": "12",
    }
    return list({**cells, **changes}.values())


def table(folder: Path, rows: list[list[str]], name: str = "fair 2026.csv") -> Path:
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *rows])
    path = folder / name
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def look_at(boss: Visitor, *windows: tuple[dict[str, int], str]) -> None:
    """Read the page on a phone by day and on a laptop at night, or on those that are given."""
    for window, scheme in windows or (NIGHT, DAY):
        boss.page.set_viewport_size(window)  # type: ignore[arg-type]
        boss.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # Links fade from one scheme to the other.
        boss.page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
        check(boss)


@contextmanager
def held_where_it_is(page: Page) -> Iterator[None]:
    """Let the page that shows how far an import is hear nothing new: it would be gone before it has been read."""
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)

    page.route("**/progress.json", hold)
    yield
    for route in asked:
        route.continue_()
    page.unroute("**/progress.json")


def upload(page: Page, path: Path) -> None:
    page.goto("/admin/builders/importjob/add/")
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Read this file").click()


def forgive(boss: Visitor) -> None:
    boss.faults = [fault for fault in boss.faults if not any(words in fault for words in STAFF_FAULTS)]


def test_file_is_imported_corrected_and_taken_back(
    live_server_process: StartServer, chromium: Browser, tmp_path: Path
) -> None:
    server = live_server_process(demo=True)
    rows = [row(number) for number in range(MANY)]
    rows[7] = row(7, name="")
    rows[8] = row(8, phone="123")
    with visitors(chromium, server.origin, LOOK) as (boss,):
        page = boss.page
        page.add_init_script(KEEP_LINES)
        log_in_as_staff(boss, server)
        page.goto("/admin/builders/importjob/add/")
        look_at(boss, NIGHT)
        upload(page, table(tmp_path, rows))
        # What "Contact" is cannot be told: it is asked, and nothing is read before it is answered.
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_text("This column may be several things")).to_be_visible()
        look_at(boss)
        page.get_by_label("Contact", exact=True).select_option("-")
        with held_where_it_is(page):
            page.get_by_role("button", name="Show what would change").click()
            expect(page.get_by_role("progressbar")).to_be_visible()
            look_at(boss, DAY)
        expect(page.get_by_role("button", name="Write 7,999 builders")).to_be_visible()
        expect(page.get_by_text("The row has no name of a firm.").first).to_be_visible()
        look_at(boss)
        # The second click of a hasty finger orders nothing more, and nobody is told off for it.
        page.get_by_role("button", name="Write 7,999 builders").dblclick()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_text("Written on")).to_be_visible(timeout=30_000)
        expect(page.locator(".messagelist")).to_have_count(0)
        # How many of the rows somebody happens to see depends on the machine; that they are counted does not.
        told = page.evaluate("sessionStorage.told")
        assert ": row " in told, told
        look_at(boss, DAY)

        page.get_by_role("link", name="error", exact=False).first.click()
        expect(page.get_by_role("heading", name="Error", exact=True)).to_be_visible()
        look_at(boss, NIGHT)
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Take them as a file to correct").click()
        errors = list(csv.reader(io.StringIO(Path(downloading.value.path()).read_text(encoding="utf-8-sig"))))
        assert len(errors) == 2
        errors[1][0] = "Named After All"
        corrected = tmp_path / "corrected.csv"
        with corrected.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(errors)
        upload(page, corrected)
        page.get_by_label("Contact", exact=True).select_option("-")
        page.get_by_role("button", name="Show what would change").click()
        page.get_by_role("button", name="Write 1 builder").click()
        expect(page.get_by_text("Written on")).to_be_visible()

        page.get_by_role("link", name="Undo…").click()
        expect(page.get_by_text("delete 1 builder that it brought")).to_be_visible()
        look_at(boss, DAY)
        page.get_by_role("button", name="Undo this import").click()
        expect(page.get_by_text("The directory is as it was")).to_be_visible()
        page.goto("/admin/builders/builder/?q=Named+After+All")
        expect(page.get_by_text("0 builders")).to_be_visible()
        page.goto("/admin/builders/importjob/")
        look_at(boss, NIGHT)
        forgive(boss)


def test_directory_is_kept_and_duplicates_merged(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", MAKE_PAIR)
    with visitors(chromium, server.origin, LOOK) as (boss,):
        page = boss.page
        log_in_as_staff(boss, server)
        page.goto("/admin/builders/builder/")
        look_at(boss, DAY)
        page.get_by_role("link", name="Rheinstand GmbH").click()
        expect(page.get_by_role("spinbutton", name="Founded")).to_have_value("1999")
        look_at(boss, NIGHT)
        page.get_by_role("spinbutton", name="Founded").fill("1998")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        expect(page.get_by_role("spinbutton", name="Founded")).to_have_value("1998")

        page.goto("/admin/builders/claim/")
        page.get_by_role("link", name="Rheinstand GmbH").click()
        expect(page.get_by_text("I run this firm.")).to_be_visible()
        look_at(boss, DAY)
        page.goto("/admin/builders/duplicatecandidate/")
        look_at(boss, NIGHT)
        page.get_by_role("link", name="Rheinstand GmbH").click()
        expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
        look_at(boss)
        page.get_by_role("group", name="founded").get_by_label("2001").check()
        page.get_by_role("button", name="Merge into one").click()
        expect(page.get_by_text("is part of Rheinstand GmbH now")).to_be_visible()
        page.goto("/admin/builders/builder/")
        expect(page.get_by_text("1 builder", exact=True)).to_be_visible()

        page.goto("/admin/builders/mergerecord/")
        look_at(boss, DAY)
        page.locator("#result_list .action-select").check()
        page.locator("select[name=action]").select_option("take_back")
        page.get_by_role("button", name="Go").click()
        page.get_by_role("button", name="Take back").click()
        expect(page.get_by_text("done for 1")).to_be_visible()
        page.goto("/admin/builders/builder/")
        expect(page.get_by_text("2 builders", exact=True)).to_be_visible()
        forgive(boss)


def test_import_works_without_scripts(live_server_process: StartServer, chromium: Browser, tmp_path: Path) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {**LOOK, "java_script_enabled": False}) as (boss,):
        page = boss.page
        log_in_as_staff(boss, server)
        upload(page, table(tmp_path, [row(number) for number in range(MANY)]))
        page.get_by_label("Contact", exact=True).select_option("-")
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        # The page loads itself anew until the preview is there.
        page.get_by_role("button", name=f"Write {MANY:,} builders").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("What was written by then has been taken back")).to_be_visible(timeout=30_000)
        page.goto("/admin/builders/builder/")
        expect(page.get_by_text("0 builders", exact=True)).to_be_visible()
        forgive(boss)
