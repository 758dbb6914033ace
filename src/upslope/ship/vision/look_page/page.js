"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const make = (name, props, ...children) => { const it = Object.assign(document.createElement(name), props); it.append(...children); return it; };
const floats = text => new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const PLUS = [222, 84, 8], MINUS = [24, 104, 204];
const digits = (value, places) => {  // small numbers keep three digits, whatever their size
  const text = places > 2 && value && Math.abs(value) < .01 ? Math.abs(value).toPrecision(3) : Math.abs(value).toFixed(places);
  return (value < 0 && +text ? "−" : "") + text;
};
const rounded = value => digits(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
const largest = values => { let most = 0; for (const value of values) most = Math.max(most, Math.abs(value)); return most || 1; };

// Numbers as a picture: orange above 0, blue below, as strong as they are far from it.
function draw(canvas, values, width, height, most) {
  canvas.width = width; canvas.height = height;
  const image = new ImageData(width, height);
  values.forEach((value, n) => image.data.set([...(value > 0 ? PLUS : MINUS), 255 * Math.min(1, Math.abs(value) / most) ** .7], 4 * n));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// A table of numbers; a place outside of the map is written in italics.
function cells(rows, title, { most, outside = () => false, best = -1 }) {
  const across = rows[0].length, size = across <= 3 ? 3.2 : across <= 5 ? 2.3 : across <= 7 ? 1.75 : Math.max(.5, 12.5 / across);
  const box = make("div", { className: "cells" });
  box.style.setProperty("--across", across); box.style.setProperty("--cell", `${size}rem`);
  rows.flat().forEach((value, n) => {
    const cell = make("span", {}, across > 7 ? "" : rounded(value));
    const tint = `rgb(${(value > 0 ? PLUS : MINUS).join(" ")} / ${(.65 * Math.min(1, Math.abs(value) / most)).toFixed(3)})`;
    cell.style.setProperty("--tint", tint);
    cell.classList.toggle("edge", outside(n)); cell.classList.toggle("best", n === best);
    box.append(cell);
  });
  return make("div", {}, make("h3", {}, title), box);
}

// A window that moves over a map: what is under it, and what comes of that.
class Stepper {
  constructor(box, it) {
    Object.assign(this, { box, it, numbers: floats(it.numbers), results: floats(it.results), chosen: 0 });
    [this.rows, this.columns] = it.output.slice(1);
    this.place = { row: it.start[0], column: it.start[1] }; this.kept = this.place;
    for (const name of ["in", "out"]) this[name] = box.querySelector(`.pane.${name}`);
    this.chips();
    for (const pane of [this.in, this.out]) {
      pane.addEventListener("pointermove", event => this.go(this.under(pane, event)));
      pane.addEventListener("pointerdown", event => { this.stop(); this.kept = this.under(pane, event); this.go(this.kept); });
      pane.addEventListener("pointerleave", () => this.playing || this.go(this.kept));
      pane.addEventListener("keydown", event => this.key(event));
    }
    this.button = box.querySelector(".play");
    this.button.addEventListener("click", () => this.playing ? this.stop() : this.play());
    this.choose(0);
  }
  chips() {
    const group = this.box.querySelector(".chips");
    this.it.channels.forEach((channel, n) => {
      const canvas = make("canvas", {}), chip = make("button", { className: "chip filter", type: "button" }, canvas, String(channel + 1));
      this.icon(canvas, n);
      chip.setAttribute("aria-label", `${this.noun} ${channel + 1}`);
      chip.addEventListener("click", () => this.choose(n));
      group.append(chip);
    });
    this.buttons = [...group.children];
  }
  choose(n) {
    this.chosen = n;
    this.buttons.forEach((chip, other) => chip.setAttribute("aria-pressed", String(other === n)));
    const { rows, columns } = this, [, height, width] = this.it.given, [top, left] = this.it.padding;
    const out = this.results.subarray(n * rows * columns, (n + 1) * rows * columns);
    draw(this.out.querySelector("canvas"), out, columns, rows, largest(out));
    // Around the map lie the zeros that padding puts there.
    const map = this.incoming(), wide = width + 2 * left, framed = new Float32Array(wide * (height + 2 * top));
    for (let y = 0; y < height; y++) framed.set(map.subarray(y * width, (y + 1) * width), (y + top) * wide + left);
    draw(this.in.querySelector("canvas"), framed, wide, height + 2 * top, largest(map));
    this.go(this.place);
  }
  under(pane, event) {
    const box = pane.querySelector("canvas").getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    const { kernel, stride, padding, dilation, given } = this.it;
    const at = (share, axis, count) => {
      if (pane === this.out) return Math.floor(share * count);
      const span = dilation[axis] * (kernel[axis] - 1) + 1;  // the window whose middle is nearest
      return Math.round((share * (given[axis + 1] + 2 * padding[axis]) - span / 2) / stride[axis]);
    };
    return this.inside({ row: at(y, 0, this.rows), column: at(x, 1, this.columns) });
  }
  inside({ row, column }) {
    return { row: Math.min(this.rows - 1, Math.max(0, row)), column: Math.min(this.columns - 1, Math.max(0, column)) };
  }
  key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault(); this.stop();
    this.kept = this.inside({ row: this.place.row + step[0], column: this.place.column + step[1] });
    this.go(this.kept);
  }
  play() {
    this.button.textContent = "Stop";
    this.playing = setInterval(() => {
      const next = (this.place.row * this.columns + this.place.column + 1) % (this.rows * this.columns);
      this.kept = { row: Math.floor(next / this.columns), column: next % this.columns };
      this.go(this.kept);
    }, 350);
  }
  stop() { clearInterval(this.playing); this.playing = 0; this.button.textContent = "Play"; }
  go(place) {
    this.place = place;
    const { kernel, stride, padding, dilation, given, output } = this.it, { row, column } = place;
    const frame = (pane, y, x, high, wide, height, width) => Object.assign(pane.querySelector("i").style, {
      top: `${100 * y / height}%`, left: `${100 * x / width}%`, height: `${100 * high / height}%`, width: `${100 * wide / width}%` });
    const span = axis => dilation[axis] * (kernel[axis] - 1) + 1, side = axis => given[axis + 1] + 2 * padding[axis];
    frame(this.in, row * stride[0], column * stride[1], span(0), span(1), side(0), side(1));
    frame(this.out, row, column, 1, 1, output[1], output[2]);
    this.box.querySelector(".place").textContent = `row ${row + 1}, column ${column + 1}`;
    this.box.querySelector(".which").textContent = this.which();
    this.explain();
  }
  // The numbers of one map under the window, row by row; null where the window hangs over the edge.
  window(channel) {
    const { kernel, stride, padding, dilation, given } = this.it, [, height, width] = given;
    return Array.from({ length: kernel[0] }, (_, i) => Array.from({ length: kernel[1] }, (_, j) => {
      const y = this.place.row * stride[0] - padding[0] + i * dilation[0], x = this.place.column * stride[1] - padding[1] + j * dilation[1];
      return y < 0 || x < 0 || y >= height || x >= width ? null : this.numbers[(channel * height + y) * width + x];
    }));
  }
  get result() { return this.results[(this.chosen * this.rows + this.place.row) * this.columns + this.place.column]; }
}

class Convolution extends Stepper {
  get noun() { return "filter"; }
  get kernels() { return this.weighed ??= floats(this.it.weights); }
  kernel(filter, input) {
    const [high, wide] = this.it.kernel, from = (filter * this.it.inputs + input) * high * wide;
    return Array.from({ length: high }, (_, i) => [...this.kernels.subarray(from + i * wide, from + (i + 1) * wide)]);
  }
  icon(canvas, filter) {
    const [high, wide] = this.it.kernel, area = high * wide, mean = new Float32Array(area);
    for (let input = 0; input < this.it.inputs; input++) this.kernel(filter, input).flat().forEach((w, n) => { mean[n] += w / this.it.inputs; });
    draw(canvas, mean, wide, high, largest(mean));
  }
  // Which maps this filter sums over: with groups only some of them.
  inputs() {
    const first = Math.floor(this.it.channels[this.chosen] / (this.it.output[0] / this.it.groups)) * this.it.inputs;
    return Array.from({ length: this.it.inputs }, (_, n) => first + n);
  }
  which() { return this.it.inputs === 1 ? `map ${this.inputs()[0] + 1}` : `the mean of ${this.it.inputs} maps`; }
  incoming() {
    const [, height, width] = this.it.given, area = height * width, mean = new Float32Array(area);
    for (const channel of this.inputs()) for (let n = 0; n < area; n++) mean[n] += this.numbers[channel * area + n] / this.it.inputs;
    return mean;
  }
  explain() {
    const parts = this.inputs().map((channel, input) => {
      const window = this.window(channel), weights = this.kernel(this.chosen, input);
      const products = window.map((line, i) => line.map((value, j) => (value ?? 0) * weights[i][j]));
      return { channel, window, weights, products, sum: products.flat().reduce((a, b) => a + b, 0) };
    });
    const shown = [...parts].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)).slice(0, 3).sort((a, b) => a.channel - b.channel);
    const most = largest(this.numbers), heaviest = largest(this.kernels), full = largest(parts.flatMap(part => part.products.flat()));
    const several = parts.length > 1, colours = this.it.picture && this.it.given[0] === 3 && ["red", "green", "blue"];
    this.box.querySelector(".numbers").replaceChildren(...shown.map(({ channel, window, weights, products, sum }) => make("div", { className: "product" },
      cells(window.map(line => line.map(value => value ?? 0)), colours ? colours[channel] : several ? `map ${channel + 1}` : "window", { most, outside: n => window.flat()[n] === null }), "×",
      cells(weights, "weights", { most: heaviest }), "=", cells(products, `products: ${rounded(sum)}`, { most: full }))));
    const bias = this.it.biases[this.chosen], sum = parts.reduce((all, part) => all + part.sum, 0), total = sum + bias;
    const count = parts.length * this.it.kernel[0] * this.it.kernel[1], rest = parts.length - shown.length;
    const said = [`${count} ${count === 1 ? "product" : "products"}`, several ? ` over ${parts.length} maps` : "", rest ? ` (${rest} are not shown)` : "", ` sum to ${digits(sum, 3)}`];
    if (!this.it.biased) said[said.length - 1] = " sum to ";
    said.push(this.it.biased ? `; with the bias ${digits(bias, 3)} it is ` : "", make("b", {}, digits(total, 3)), Math.abs(total - this.result) < .002 * Math.max(1, Math.abs(total)) ? "." : ` (the network has ${digits(this.result, 3)}).`);
    if (this.it.then.length) said.push(` Then ${this.it.then.join(" and ")}.`);
    this.box.querySelector(".sum").replaceChildren(...said);
  }
}

class Pooling extends Stepper {
  get noun() { return "map"; }
  icon(canvas, n) { const [, height, width] = this.it.given, map = this.numbers.subarray(n * height * width, (n + 1) * height * width); draw(canvas, map, width, height, largest(map)); }
  which() { return `map ${this.it.channels[this.chosen] + 1}`; }
  incoming() { const [, height, width] = this.it.given; return this.numbers.subarray(this.chosen * height * width, (this.chosen + 1) * height * width); }
  explain() {
    const window = this.window(this.chosen), flat = window.flat(), there = flat.filter(value => value !== null), maximum = this.it.how === "max";
    const value = maximum ? Math.max(...there) : there.reduce((a, b) => a + b, 0) / flat.length;
    const most = largest(this.incoming()), best = maximum ? flat.indexOf(value) : -1;
    this.box.querySelector(".numbers").replaceChildren(make("div", { className: "product" },
      cells(window.map(line => line.map(number => number ?? 0)), "window", { most, best, outside: n => flat[n] === null }), "→", cells([[value]], maximum ? "largest" : "mean", { most })));
    const said = maximum ? `The largest of ${there.length} numbers is ` : `${flat.length} numbers sum to ${digits(value * flat.length, 3)}; their mean is `;
    this.box.querySelector(".sum").replaceChildren(said, make("b", {}, digits(value, 3)), ".");
  }
}

if (data.convolution) new Convolution(document.getElementById("convolution"), data.convolution);
if (data.pooling) new Pooling(document.getElementById("pooling"), data.pooling);

// Which class is explained, and how strongly the maps lie over the picture.
const chosen = [...document.querySelectorAll("#explained .chip")], figures = [...document.querySelectorAll(".explanation")];
chosen.forEach((chip, n) => chip.addEventListener("click", () => {
  chosen.forEach(other => other.setAttribute("aria-pressed", String(other === chip)));
  data.explanations.forEach(({ maps, said }, which) => {
    figures[which].querySelector(".over").src = maps[Math.min(n, maps.length - 1)];
    figures[which].querySelector(".said").textContent = said[Math.min(n, said.length - 1)];
  });
}));
const strength = document.getElementById("strength");
strength.addEventListener("input", () => document.documentElement.style.setProperty("--over", strength.value / 100));
document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
