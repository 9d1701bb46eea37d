"""Take the pictures of docs/img/: every page on a phone and on a laptop, in light and in dark.

    python -m scripts.screenshots [FOLDER]

Starts a server of its own with a room full of talk, drives Chromium, and stores each picture with few colours.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, StorageState, expect, sync_playwright

from tests.servers import CHROMIUM_NAMES, CHROMIUM_OPTIONS, ROOT, LiveServer

COLOURS = 256
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
LAPTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
# A scene in the afternoon: what was said, by whom, and how many minutes before now.
FILL_ROOM = """
import datetime as dt, uuid
from accounts.services import create_guest
from chat.models import Room
from chat.services.entering import join_room
from chat.services.posting import Draft, post_messages
from realtime.ids import new_uid
room = Room.objects.get(name="Main Stage")
people = {name: create_guest(display_name=name) for name in ("Mara Lindqvist", "Tomás", "ليلى حداد", "Ivo & Pia")}
for person in people.values():
    join_room(actor=person, room_uid=room.uid)
now = dt.datetime.now(dt.UTC)
talk = [
    (64, "Tomás", "Sound check is over. Doors to the main field open at half past five."),
    (63, "Tomás", "Bring water, the refill point is left of the mixing desk."),
    (52, "Mara Lindqvist", "Is the step-free way still behind the bakery tent?"),
    (51, "Tomás", "Yes! It is signed in blue now, and there is a map: https://example.org/map"),
    (50, "Mara Lindqvist", "Perfect, thank you 🙏"),
    (31, "ليلى حداد", "مساء الخير! هل بدأ العرض؟"),
    (30, "Ivo & Pia", "Ten more minutes. We kept two places at the second pole from the right."),
    (29, "Ivo & Pia", "🎪🎶"),
]
for minutes, name, text in talk:
    at = now - dt.timedelta(minutes=minutes)
    post_messages([Draft(room.uid, people[name].pk, uuid.uuid4(), text, new_uid(), at)])
"""

# A list as fairs send them: new firms, one that is there, one without a name, and a column that has to be asked about.
FAIR_LIST = """\
ID,Company,Contact,Phone,City,Country,Services,Team size
demo-1,Nordlicht Messebau GmbH & Co. KG,see website,+49 40 5550170,Hamburg,Germany,Design; Graphics,40-60
f-17,Zeltwerk Süd,see website,+49 89 5550123,München,Germany,Rental; Modular stands,12
f-21,Atelier Océan,see website,+33 2 40 55 50 12,Nantes,France,Design; Construction,8
f-22,,see website,+31 20 555 0101,Amsterdam,Netherlands,Logistics,5
f-30,Köşk Stand,see website,123,İstanbul,Türkiye,Construction,25
"""

Scheme = Literal["light", "dark"]


class Shot(NamedTuple):
    """A picture. `stage` brings the page there; `who` is nobody yet, Noor, who is in the room, or the organiser."""

    name: str
    look: dict[str, Any]
    scheme: Scheme
    stage: Callable[[Page], None]
    who: Literal["", "noor", "staff"] = ""


def enter(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Main Stage").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Enter the room").click()
    wait_live(page)


def wait_live(page: Page) -> None:
    expect(page.locator(".room__bar .dot--live")).to_be_visible()


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Write a message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def home(page: Page) -> None:
    page.goto("/")


def door(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Main Stage").click()


def room(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Main Stage").first.click()
    expect(page.locator(".room__status")).to_contain_text("5 people here")


def share(page: Page) -> None:
    room(page)
    page.get_by_role("button", name="Invite people").click()
    page.get_by_alt_text("QR code that opens this room").evaluate("image => image.decode()")


def offline(page: Page) -> None:
    room(page)
    page.context.set_offline(True)
    write(page, "Save me a place, no signal at the gate")
    expect(page.get_by_text("You are offline.")).to_be_visible(timeout=15_000)


def login(page: Page) -> None:
    page.goto("/accounts/login/")


def missing(page: Page) -> None:
    page.goto("/nothing/here/")


def staff(page: Page) -> None:
    page.goto("/admin/chat/room/")


def directory(page: Page) -> None:
    page.goto("/builders/in/germany/")


def builder(page: Page) -> None:
    page.goto("/builders/nordlicht-messebau-gmbh-co-kg/")


def import_columns(page: Page) -> None:
    page.goto("/admin/builders/importjob/add/")
    file: FilePayload = {"name": "spring fair.csv", "mimeType": "text/csv", "buffer": FAIR_LIST.encode()}
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("Source").fill("demo")
    page.get_by_role("button", name="Read this file").click()
    expect(page.get_by_role("button", name="Show what would change")).to_be_visible()


def import_preview(page: Page) -> None:
    import_columns(page)
    page.get_by_label("Contact", exact=True).select_option("-")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("Nothing is written yet.")).to_be_visible()


SHOTS = (
    Shot("home-phone-light", PHONE, "light", home),
    Shot("home-phone-dark", PHONE, "dark", home),
    Shot("home-laptop-light", LAPTOP, "light", home),
    Shot("home-laptop-dark", LAPTOP, "dark", home),
    Shot("room-phone-light", PHONE, "light", room, "noor"),
    Shot("room-phone-dark", PHONE, "dark", room, "noor"),
    Shot("room-laptop-light", LAPTOP, "light", room, "noor"),
    Shot("room-laptop-dark", LAPTOP, "dark", room, "noor"),
    Shot("share-phone-light", PHONE, "light", share, "noor"),
    Shot("share-laptop-dark", LAPTOP, "dark", share, "noor"),
    Shot("offline-phone-dark", PHONE, "dark", offline, "noor"),
    Shot("offline-laptop-light", LAPTOP, "light", offline, "noor"),
    Shot("door-phone-light", PHONE, "light", door),
    Shot("door-laptop-dark", LAPTOP, "dark", door),
    Shot("login-phone-dark", PHONE, "dark", login),
    Shot("login-laptop-light", LAPTOP, "light", login),
    Shot("staff-phone-dark", PHONE, "dark", staff, "staff"),
    Shot("staff-laptop-light", LAPTOP, "light", staff, "staff"),
    Shot("missing-phone-light", PHONE, "light", missing),
    Shot("directory-phone-dark", PHONE, "dark", directory),
    Shot("directory-laptop-light", LAPTOP, "light", directory),
    Shot("builder-phone-light", PHONE, "light", builder),
    Shot("builder-laptop-dark", LAPTOP, "dark", builder),
    Shot("import-phone-dark", PHONE, "dark", import_columns, "staff"),
    Shot("import-laptop-light", LAPTOP, "light", import_preview, "staff"),
)


def take(browser: Browser, origin: str, people: dict[str, StorageState], shot: Shot, folder: Path) -> None:
    options = shot.look | ({"storage_state": people[shot.who]} if shot.who else {})
    context = browser.new_context(base_url=origin, color_scheme=shot.scheme, reduced_motion="reduce", **options)
    try:
        page = context.new_page()
        shot.stage(page)
        page.wait_for_timeout(400)  # a list of people that is on its way
        path = folder / f"{shot.name}.png"
        store(page.screenshot(), path)
        print(f"{path.name}: {path.stat().st_size // 1024} kB", flush=True)
    finally:
        context.close()


def store(picture: bytes, path: Path) -> None:
    """Store a picture with few colours, phones at three quarters of their pixels: sharp enough, a tenth of the size."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if image.width == 2 * PHONE["viewport"]["width"]:
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
    image.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)


def crowd(browser: Browser, origin: str) -> StorageState:
    """Put some people into the room, so that the counts are those of an evening; return the cookies of Noor."""
    for name in ("Aiko Tanaka", "Chidi", "Fen", "Jonas Okonkwo-Bauer"):
        page = browser.new_context(base_url=origin).new_page()
        enter(page, name)
    page = browser.new_context(base_url=origin).new_page()
    enter(page, "Noor")
    write(page, "On my way, five minutes 🚲")
    expect(page.locator(".message[data-seq]").last).to_contain_text("On my way")
    cookies = page.context.storage_state()
    page.close()
    return cookies


def organiser(browser: Browser, server: LiveServer) -> StorageState:
    """Log in with what the demo printed, and return the cookies."""
    email, password = (server.data_dir / "staff-login").read_text(encoding="utf-8").split()
    page = browser.new_context(base_url=server.origin).new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Festival Office").first).to_be_visible()
    cookies = page.context.storage_state()
    page.context.close()
    return cookies


def find_chromium() -> str:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        sys.exit("There is no Chromium: install the package chromium, or set CHROMIUM to its path.")
    return path


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = LiveServer({"RATE_LIMITS_ENABLED": "false"})
    try:
        server.manage("migrate", "--verbosity", "0")
        server.manage("setup_demo", "--builders")
        server.manage("shell", "--verbosity", "0", "-c", FILL_ROOM)
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
            people = {"noor": crowd(browser, server.origin), "staff": organiser(browser, server)}
            for shot in SHOTS:
                take(browser, server.origin, people, shot, folder)
            browser.close()
    finally:
        server.remove()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "img")
