"use strict";
// Tooltips, zoom, and folding of lanes. Without this script the picture and the table are whole.
(() => {
  const picture = document.querySelector(".picture");
  const svg = picture && picture.querySelector("svg");
  if (!svg) return;
  const width = Number(svg.getAttribute("width"));
  const height = Number(svg.getAttribute("height"));
  let factor = 1;
  let folded = 0;

  function resize() {
    svg.setAttribute("viewBox", `0 0 ${width} ${height - folded}`);
    svg.setAttribute("width", String(Math.round(width * factor)));
    svg.setAttribute("height", String(Math.round((height - folded) * factor)));
  }

  // Zoom: the picture grows in its frame, which scrolls.
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      const by = Number(button.dataset.zoom);
      factor = by ? Math.min(8, Math.max(0.2, factor * by)) : 1;
      resize();
    });
  }

  // Fold: the rows of a lane go, and what is below moves up.
  const lanes = [...svg.querySelectorAll("g.lane")];
  const below = [...svg.children].filter((each) => !each.classList.contains("lane"));
  const last = lanes.length ? place(lanes[lanes.length - 1]) + Number(lanes[lanes.length - 1].dataset.height) : 0;

  function place(lane) {
    return Number(/translate\(0 ([-\d.]+)\)/.exec(lane.getAttribute("transform"))[1]);
  }
  for (const lane of lanes) lane.dataset.top = String(place(lane));
  const feet = below.filter((each) => {
    const text = each.tagName === "text" ? each : each.querySelector("text");
    return text && Number(text.getAttribute("y")) > last;
  });

  function arrange() {
    folded = 0;
    for (const lane of lanes) {
      const rows = lane.querySelector(".rows");
      lane.setAttribute("transform", `translate(0 ${Number(lane.dataset.top) - folded})`);
      if (rows.style.display === "none") folded += Number(lane.dataset.height) - 26;
    }
    for (const each of feet) each.setAttribute("transform", `translate(0 ${-folded})`);
    const axis = svg.querySelector(".axis path:last-child");
    if (axis) axis.setAttribute("transform", `translate(0 ${-folded})`);
    resize();
  }
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => {
      const rows = document.getElementById(button.dataset.fold).querySelector(".rows");
      const fold = rows.style.display !== "none";
      rows.style.display = fold ? "none" : "";
      button.setAttribute("aria-pressed", String(fold));
      arrange();
    });
  }

  // Tooltips: what the title of a mark says, for the mouse and for the keyboard.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  document.body.append(tip);

  function show(event, box) {
    tip.textContent = event.dataset.words;
    tip.hidden = false;
    const x = Math.min(box.x, window.innerWidth - tip.offsetWidth - 8);
    const y = box.y + 18 + tip.offsetHeight > window.innerHeight ? box.y - tip.offsetHeight - 10 : box.y + 18;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  }
  for (const event of svg.querySelectorAll(".event")) {
    const title = event.querySelector("title");
    event.dataset.words = title.textContent;
    event.setAttribute("aria-label", title.textContent);
    title.remove(); // or the browser shows it a second time
    event.setAttribute("tabindex", "0");
    event.addEventListener("mousemove", (move) => show(event, { x: move.clientX, y: move.clientY }));
    event.addEventListener("mouseleave", () => (tip.hidden = true));
    event.addEventListener("focus", () => {
      const box = event.getBoundingClientRect();
      show(event, { x: box.left, y: box.bottom });
    });
    event.addEventListener("blur", () => (tip.hidden = true));
  }
  document.addEventListener("keydown", (key) => {
    if (key.key === "Escape") tip.hidden = true;
  });
  for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;
})();
