"use strict";
const field = document.getElementById("search");
const rows = [...document.querySelectorAll("tr[data-search]")].map((row) => [row, row.dataset.search.toLowerCase()]);
const told = document.getElementById("found");
field.closest("[hidden]").hidden = false;
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const [row, text] of rows) {
    row.hidden = !words.every((word) => text.includes(word));
    found += row.hidden ? 0 : 1;
  }
  told.textContent = words.length ? `${found} of ${rows.length}` : "";
});
