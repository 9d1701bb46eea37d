// On every page: the offline shell, the account menu, the code field, forms that are sent once, the list of rooms.
import "./home/listed-rooms.ts";
import { normaliseCode } from "./text/room-code.ts";

if ("serviceWorker" in navigator) {
  addEventListener("load", () => {
    navigator.serviceWorker.register("/service-worker.js").catch((error: unknown) => {
      console.warn("No offline page in this browser.", error);
    });
  });
}

for (const field of document.querySelectorAll<HTMLInputElement>("input[data-room-code]")) {
  field.addEventListener("change", () => {
    field.value = normaliseCode(field.value);
  });
}

// An open menu closes as menus do: by Escape, and by a press elsewhere.
function openMenu(): HTMLDetailsElement | null {
  return document.querySelector<HTMLDetailsElement>("details.menu[open]");
}
addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? openMenu() : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});
addEventListener("pointerdown", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target as Node)) menu.open = false;
});

// A second tap on a slow network must not open a second room.
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
