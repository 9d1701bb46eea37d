// On the staff pages: lists become cards on a phone, and fields that Django leaves without a name get one.
import { followImport } from "./staff/import-progress.ts";

/** Each value stands beside the name of its column, so that a row can be read without the head of the table. */
function labelCells(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>("#result_list")) {
    const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent?.trim() ?? "");
    for (const row of table.tBodies[0]?.rows ?? []) {
      [...row.cells].forEach((cell, index) => {
        cell.dataset.label = names[index] ?? "";
      });
    }
    table.classList.add("is-labelled");
  }
}

/** A date, its time and a search field have one label together, which assistive technology does not connect. */
function nameFields(): void {
  for (const row of document.querySelectorAll(".form-row")) {
    const name = row.querySelector("label, legend")?.textContent?.replace(":", "").trim();
    if (!name) continue;
    row.querySelector(".vDateField")?.setAttribute("aria-label", `${name}, date`);
    row.querySelector(".vTimeField")?.setAttribute("aria-label", `${name}, time`);
    for (const field of row.querySelectorAll(".select2-selection, .select2-selection__rendered")) {
      field.setAttribute("aria-label", name);
      field.removeAttribute("aria-labelledby");
    }
  }
}

// Longer than a double click, shorter than the patience of somebody whose answer got lost.
const SENDING_MS = 4000;

/** A second click on "Import" is no second order. Pages that come back from the browser's memory may send again. */
function sendOnce(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, SENDING_MS);
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
}

labelCells();
sendOnce();
nameFields();
// Its label is a picture beside it, which a text of help below takes the place of.
document.querySelector("#searchbar")?.setAttribute("aria-label", "Search");
followImport();
// Django's own scripts build the search fields when they get to it.
const form = document.querySelector("#content form");
if (form) new MutationObserver(nameFields).observe(form, { childList: true, subtree: true });
