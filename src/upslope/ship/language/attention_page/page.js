"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const { tokens, layers, heads, causal, patterns } = data, count = tokens.length;
// Weights are 16-bit numbers, 65535 is 1: (layer, head, row, column).
const packed = new Uint16Array(Uint8Array.from(atob(data.weights), c => c.charCodeAt(0)).buffer);
const weight = (at, row, column) => packed[((at.layer * heads + at.head) * count + row) * count + column] / 65535;
const shade = w => Math.sqrt(w);  // the eye tells small weights apart; the scale says what is what
const percent = w => w >= 0.0995 ? `${Math.round(100 * w)} %` : `${(100 * w).toFixed(1)} %`;
const $ = id => document.getElementById(id);
const make = (name, props, ...children) => { const it = Object.assign(document.createElement(name), props); it.append(...children); return it; };
const pinned = { layer: data.layer, head: data.head, row: data.row }, shown = { ...pinned };
let kind = null, column = -1;

// The sentence: a button for each token.
const chips = tokens.map(([text, joined], row) => {
  const chip = make("button", { className: joined ? "token joined" : "token", type: "button", tabIndex: -1 }, text, make("small"));
  chip.addEventListener("pointerenter", () => show({ row }));
  chip.addEventListener("focus", () => pin({ row }));
  chip.addEventListener("click", () => pin({ row }));
  return chip;
});
$("tokens").append(...chips);
$("tokens").addEventListener("pointerleave", () => show({ row: pinned.row }));
arrows($("tokens"), chips, () => 1);

// All heads, small: a row for each layer.
const minis = [];
const grid = $("heads");
grid.style.setProperty("--heads", heads);
grid.style.setProperty("--count", count);
grid.append(make("span", {}), ...Array.from({ length: heads }, (_, head) => make("span", {}, String(head + 1))));
for (let layer = 0; layer < layers; layer++) {
  grid.append(make("span", { className: "layer" }, String(layer + 1)));
  for (let head = 0; head < heads; head++) {
    const canvas = make("canvas", { width: count, height: count });
    const mini = make("button", { className: "head", type: "button", tabIndex: -1 }, make("span", { className: "box" }, canvas), make("small"));
    mini.at = { layer, head };
    mini.addEventListener("pointerenter", () => show(mini.at));
    mini.addEventListener("focus", () => pin(mini.at));
    mini.addEventListener("click", () => pin(mini.at));
    minis.push(mini);
    grid.append(mini);
  }
}
grid.addEventListener("pointerleave", () => show({ layer: pinned.layer, head: pinned.head }));
arrows(grid, minis, () => heads);

// What the heads mostly look at; a kind that is chosen dims all others.
for (const [name, number] of data.kinds) {
  const button = make("button", { className: "kind", type: "button" }, `${name} ${number}`);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    kind = kind === name ? null : name;
    for (const other of $("kinds").children) other.setAttribute("aria-pressed", String(other === button && kind !== null));
    for (const mini of minis) mini.classList.toggle("dim", kind !== null && patterns[mini.at.layer][mini.at.head][0] !== kind);
  });
  $("kinds").append(button);
}

function arrows(box, items, width) {
  box.addEventListener("keydown", event => {
    const here = items.indexOf(document.activeElement), across = width();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    const goal = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && here + step;
    if (here < 0 || goal === undefined || !items[goal]) return;
    event.preventDefault();
    items[goal].focus();
  });
}

function pin(change) { Object.assign(pinned, change); show(change); }

function show(change) {
  const other = "layer" in change && (change.layer !== shown.layer || change.head !== shown.head);
  Object.assign(shown, change);
  column = -1;
  if (other) { matrix(); table(); }
  sentence();
}

function sentence() {
  const { row } = shown;
  chips.forEach((chip, place) => {
    const w = weight(shown, row, place), unseen = causal && place > row;
    chip.style.setProperty("--shade", shade(w));
    chip.classList.toggle("deep", shade(w) > 0.68);
    chip.classList.toggle("unseen", unseen);
    chip.setAttribute("aria-pressed", String(place === row));
    chip.tabIndex = place === pinned.row ? 0 : -1;
    chip.lastChild.textContent = w >= 0.01 ? `${Math.round(100 * w)}` : "";
    chip.setAttribute("aria-label", `${tokens[place][0]}, ${unseen ? "not seen" : percent(w)}`);
  });
  grid.style.setProperty("--row", row);
  for (const mini of minis) {
    let best = 0;
    for (let place = 1; place < count; place++) if (weight(mini.at, row, place) > weight(mini.at, row, best)) best = place;
    const w = weight(mini.at, row, best), chosen = mini.at.layer === shown.layer && mini.at.head === shown.head;
    mini.lastChild.textContent = tokens[best][0];
    mini.lastChild.classList.toggle("sure", w >= 0.5);
    mini.setAttribute("aria-pressed", String(chosen));
    mini.setAttribute("aria-label", `layer ${mini.at.layer + 1}, head ${mini.at.head + 1}: ${tokens[best][0]} ${percent(w)}`);
    mini.tabIndex = mini.at.layer === pinned.layer && mini.at.head === pinned.head ? 0 : -1;
  }
  $("row").setAttribute("y", row * CELL);
  document.querySelectorAll(".matrix text").forEach(text => text.classList.toggle("on", +text.dataset.row === row || +text.dataset.column === column));
  const order = tokens.map((_, place) => place).sort((a, b) => weight(shown, row, b) - weight(shown, row, a));
  const places = column >= 0 ? [column] : order.slice(0, 3).filter(place => weight(shown, row, place) >= 0.01);
  const parts = places.flatMap((place, n) => [n ? ", " : "", make("b", {}, place === row ? "itself" : tokens[place][0]), ` ${percent(weight(shown, row, place))}`]);
  $("says").replaceChildren("From ", make("span", { className: "who" }, tokens[row][0]), " it looks at ", ...parts, ".");
}

// One head, large: rows look, columns are looked at.
const CELL = Math.max(13, Math.min(40, 620 / count)), SIDE = CELL * count, SIZE = Math.min(17, CELL * .8);
const svg = (name, attributes, text) => {
  const it = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  if (text !== undefined) it.textContent = text;
  return it;
};
const cut = text => text.length > 12 ? `${text.slice(0, 11)}…` : text;
const WORD = 8 + SIZE * .62 * Math.max(...tokens.map(([text]) => cut(text).length)), TOP = .8 * WORD + SIZE, END = .64 * WORD;

function matrix() {
  const { layer, head } = shown, [name, share] = patterns[layer][head];
  $("title").textContent = `Layer ${layer + 1}, head ${head + 1}`;
  $("pattern").textContent = name === "spread out" ? "attention spread out" : `mostly: ${name} (${percent(share)})`;
  const cells = [];
  for (let y = 0; y < count; y++) for (let x = 0; x < count; x++) {
    const w = weight(shown, y, x);
    if (w >= 0.0005) cells.push(svg("rect", { class: "cell", x: x * CELL, y: y * CELL, width: CELL - .6, height: CELL - .6, "fill-opacity": shade(w).toFixed(3) }));
  }
  $("cells").replaceChildren(...cells);
  $("matrix").setAttribute("aria-label", `Layer ${layer + 1}, head ${head + 1}: ${count} rows of tokens that look, ${count} columns of tokens looked at; the table below has the numbers`);
}

function table() {
  const top = make("tr", {}, make("th", { scope: "col" }, "looks ↓ at →"), ...tokens.map(([text]) => make("th", { scope: "col" }, text)));
  const rows = tokens.map(([text], row) => make("tr", {}, make("th", { scope: "row" }, text),
    ...tokens.map((_, place) => make("td", {}, causal && place > row ? "" : (100 * weight(shown, row, place)).toFixed(1)))));
  $("table").replaceChildren(make("caption", {}, `Layer ${shown.layer + 1}, head ${shown.head + 1}: per cent of each row's attention`), make("thead", {}, top), make("tbody", {}, ...rows));
}

function paint() {
  const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim().split(" ").map(Number);
  for (const mini of minis) {
    const canvas = mini.querySelector("canvas"), context = canvas.getContext("2d"), image = context.createImageData(count, count);
    for (let y = 0, n = 0; y < count; y++) for (let x = 0; x < count; x++, n += 4)
      image.data.set([red, green, blue, 255 * shade(weight(mini.at, y, x))], n);
    context.putImageData(image, 0, 0);
  }
}

const drawing = $("matrix");
drawing.setAttribute("viewBox", `0 0 ${WORD + SIDE + END} ${TOP + SIDE + 4}`);
drawing.style.setProperty("--size", `${SIZE}px`);
const inner = svg("g", { transform: `translate(${WORD},${TOP})` });
inner.append(svg("rect", { class: "ground", width: SIDE, height: SIDE }));
if (causal) inner.append(svg("path", { class: "none", d: `M0 0${tokens.map((_, n) => `H${(n + 1) * CELL}V${(n + 1) * CELL}`).join("")}V0Z` }));
inner.append(svg("g", { id: "cells" }), svg("rect", { id: "row", class: "row", x: 0, width: SIDE, height: CELL }));
tokens.forEach(([text], n) => inner.append(
  svg("text", { x: -8, y: (n + .5) * CELL, "text-anchor": "end", "dominant-baseline": "central", "data-row": n }, cut(text)),
  svg("text", { transform: `translate(${(n + .5) * CELL},-8) rotate(-52)`, "dominant-baseline": "central", "data-column": n }, cut(text))));
drawing.append(inner);
drawing.addEventListener("pointermove", event => {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(inner.getScreenCTM().inverse());
  const row = Math.floor(point.y / CELL), place = Math.floor(point.x / CELL);
  if (row < 0 || row >= count || place >= count) return;
  shown.row = row;
  column = place >= 0 && !(causal && place > row) ? place : -1;
  sentence();
});
drawing.addEventListener("click", () => pin({ row: shown.row }));
drawing.addEventListener("pointerleave", () => show({ row: pinned.row }));

$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  paint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
paint();
matrix();
table();
sentence();
