"""A firm is claimed and written in real browsers: on a phone, with and without scripts."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.test_other_pages import MAKE_MEMBER, PASSWORD, STAFF_FAULTS, forgive_refusals, log_in
from tests.browser.test_pages import check
from tests.browser.visitor import PHONE, Visitor, visitors
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.browser

LOOK = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "reduced_motion": "reduce"}
MAKE_FIRM = """
from builders.services.builders import create_builder
values = {"name": "Bühnenbau Wolfeschlegelsteinhausen & Söhne", "website": "https://www.wolfe-buehnen.de/"}
create_builder(actor=None, values={**values, "headquarters": {"city": "Köln", "country": "DE"}})
"""
MAKE_STAFF = f"""
boss = User.objects.create_superuser("boss@example.org", {PASSWORD!r}, display_name="Boss")
EmailAddress.objects.create(user=boss, email=boss.email, primary=True, verified=True)
"""
CLAIM_PAGE = "/builders/buhnenbau-wolfeschlegelsteinhausen-sohne/claim/"


def sent_code(folder: Path) -> str:
    """Return the code of the newest mail."""
    texts = [
        path.read_text(encoding="utf-8") for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    ]
    return re.findall(r"^ +(\d{6})$", "\n".join(texts), re.MULTILINE)[-1]


def run(server: LiveServer, code: str) -> None:
    server.manage("shell", "--verbosity", "0", "-c", code)


def claim(noor: Visitor, folder: Path) -> None:
    """Claim the firm, with one wrong address and one wrong code on the way."""
    page = noor.page
    page.goto(CLAIM_PAGE)
    check(noor)
    page.get_by_label("Your address at the firm").fill("noor@gmail.com")
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_text("has to be one at wolfe-buehnen.de")).to_be_visible()
    page.get_by_label("Your address at the firm").fill("noor@wolfe-buehnen.de")
    page.get_by_role("button", name="Send me a code").click()
    code = sent_code(folder)
    page.get_by_label("Code from the e-mail").fill(f"{(int(code) + 1) % 10**6:06}")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("not right, or no longer valid")).to_be_visible()
    check(noor)
    page.get_by_label("Code from the e-mail").fill(f" {code[:3]} {code[3:]}")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Staff look at your claim now")).to_be_visible()
    check(noor)


def approve(boss: Visitor) -> None:
    """Find the claim in the queue, with what speaks for it, and approve it."""
    boss.page.goto("/admin/builders/claim/")
    expect(boss.page.get_by_text("noor@wolfe-buehnen.de, proved")).to_be_visible()
    boss.page.get_by_role("link", name="Bühnenbau").click()
    boss.page.get_by_role("button", name="Make Noor the owner").click()
    expect(boss.page.get_by_text("Noor is the owner now")).to_be_visible()


def write(noor: Visitor) -> None:
    """Write the profile, and look at every page of it."""
    page = noor.page
    page.goto("/my-firm/")
    expect(page.get_by_role("heading", name="Your profile is 8 % complete")).to_be_visible()
    check(noor)
    page.get_by_role("link", name="A description of 200 characters").click()
    check(noor)
    page.get_by_label("Description").fill("We build stands that people remember. " * 6)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Your profile is 23 % complete")).to_be_visible()
    page.get_by_role("link", name="Services and prices").click()
    page.get_by_text("Add one").first.click()
    page.get_by_label("Service", exact=True).first.fill("Modular stands")
    page.get_by_label("Price from").first.fill("120.50")
    check(noor)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Your profile is 45 % complete")).to_be_visible()


def show_a_picture(noor: Visitor) -> None:
    page, out = noor.page, io.BytesIO()
    Image.new("RGB", (800, 600), "teal").save(out, "JPEG")
    page.get_by_role("link", name="Portfolio").click()
    check(noor)
    page.get_by_label("Name of the stand").fill("Light tower")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Add a picture").set_input_files(
        {"name": "stand.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("img", name="Light tower").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.pictures img').naturalWidth > 0")
    check(noor)


def test_firm_is_claimed_and_written_on_a_phone(
    live_server_process: StartServer, chromium: Browser, tmp_path: Path
) -> None:
    mails = tmp_path / "mails"
    server = live_server_process({"EMAIL_URL": f"filemail:///{mails}"})
    run(server, MAKE_MEMBER + MAKE_STAFF + MAKE_FIRM)
    plain = {**LOOK, "java_script_enabled": False}
    with visitors(chromium, server.origin, LOOK, plain, LOOK) as (noor, anna, boss):
        anna.page.goto(CLAIM_PAGE)
        expect(anna.page.get_by_role("link", name="Sign up").last).to_be_visible()
        log_in(noor, "noor@example.org", PASSWORD)
        claim(noor, mails)
        log_in(boss, "boss@example.org", PASSWORD)
        approve(boss)
        noor.page.goto(CLAIM_PAGE)
        write(noor)
        show_a_picture(noor)
        log_in(anna, "noor@example.org", PASSWORD)
        anna.page.goto("/my-firm/")
        anna.page.get_by_role("link", name="Contacts").click()
        anna.page.get_by_label("Telephone numbers").fill("+49 221 1234567")
        anna.page.get_by_role("button", name="Save", exact=True).click()
        expect(anna.page.get_by_text("Saved.")).to_be_visible()
        forgive_refusals(noor)
        boss.faults = [fault for fault in boss.faults if not any(words in fault for words in STAFF_FAULTS)]
