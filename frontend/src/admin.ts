// On the staff pages: a list becomes cards on a phone, and each value then stands beside the name of its column.

for (const table of document.querySelectorAll<HTMLTableElement>("#result_list")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent?.trim() ?? "");
  for (const row of table.tBodies[0]?.rows ?? []) {
    [...row.cells].forEach((cell, index) => {
      cell.dataset.label = names[index] ?? "";
    });
  }
  table.classList.add("is-labelled");
}
