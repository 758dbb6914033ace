// A frame to what the network looks at, and what it says back to the frame: the same arithmetic as in Python
// (image/letterbox.py, image/resize.py, image/detections.py), so that a page finds what `upslope predict` finds.

const GREY = 114; // of 255

const ONE = 2 ** 22; // weights are whole parts of it, so that sums are exact and halves fall as they do in Pillow

// Weights by which pixels of one side are added up, a triangle as wide as the reduction: Pillow's bilinear filter.
// Flat arrays: where each place's pixels begin, how many they are, and their weights one after the other.
function weights(from, to) {
  const scale = from / to, reach = Math.max(scale, 1);
  const firsts = new Int32Array(to), counts = new Int32Array(to), most = 2 * Math.ceil(reach) + 2;
  const values = new Float64Array(to * most);
  for (let place = 0; place < to; place++) {
    const center = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const last = Math.min(from, Math.trunc(center + reach + 0.5));
    let total = 0;
    for (let k = 0; k < last - first; k++) {
      values[place * most + k] = Math.max(0, 1 - Math.abs((k + first - center + 0.5) / reach));
      total += values[place * most + k];
    }
    for (let k = 0; k < last - first; k++) values[place * most + k] = Math.floor((values[place * most + k] * ONE) / total + 0.5);
    [firsts[place], counts[place]] = [first, last - first];
  }
  return { firsts, counts, values, most };
}

// Whole numbers of brightness after rows and after columns, as Pillow has them and training did; a half goes up.
const level = (sum) => Math.floor(sum / ONE + 0.5);

// RGBA bytes of a frame in the middle of a canvas, as float32 (3, height, width) in [0, 1], and what was done to it.
export function letterbox(pixels, frameHeight, frameWidth, height, width) {
  const factor = Math.min(height / frameHeight, width / frameWidth);
  const scaledHeight = Math.max(1, Math.round(frameHeight * factor));
  const scaledWidth = Math.max(1, Math.round(frameWidth * factor));
  const top = (height - scaledHeight) >> 1, left = (width - scaledWidth) >> 1;
  const across = weights(frameWidth, scaledWidth), down = weights(frameHeight, scaledHeight);
  const narrow = new Uint8Array(frameHeight * scaledWidth * 3);
  for (let y = 0, to = 0; y < frameHeight; y++) {
    const row = 4 * y * frameWidth;
    for (let x = 0; x < scaledWidth; x++, to += 3) {
      let red = 0, green = 0, blue = 0;
      const count = across.counts[x], base = x * across.most;
      for (let k = 0, at = row + 4 * across.firsts[x]; k < count; k++, at += 4) {
        const weight = across.values[base + k];
        red += pixels[at] * weight;
        green += pixels[at + 1] * weight;
        blue += pixels[at + 2] * weight;
      }
      narrow[to] = level(red);
      narrow[to + 1] = level(green);
      narrow[to + 2] = level(blue);
    }
  }
  const input = new Float32Array(3 * height * width).fill(GREY / 255);
  const area = height * width, line = 3 * scaledWidth;
  const sums = new Float64Array(line);
  for (let y = 0; y < scaledHeight; y++) {
    const count = down.counts[y], base = y * down.most;
    sums.fill(0);
    for (let k = 0, row = down.firsts[y] * line; k < count; k++, row += line) {
      const weight = down.values[base + k];
      for (let x = 0; x < line; x++) sums[x] += narrow[row + x] * weight;
    }
    for (let x = 0, at = 0, to = (top + y) * width + left; x < scaledWidth; x++, at += 3, to++) {
      input[to] = level(sums[at]) / 255;
      input[area + to] = level(sums[at + 1]) / 255;
      input[2 * area + to] = level(sums[at + 2]) / 255;
    }
  }
  return { input, done: { frameHeight, frameWidth, scaledHeight, scaledWidth, top, left } };
}

function iou(a, b) {
  const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(wide, 0) * Math.max(high, 0);
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return union > 0 ? shared / union : 0;
}

// What N places with boxes (N, 4) and scores (N, kinds) have found, the highest score first, each thing once.
export function found(boxes, scores, kinds, { least, overlap, most = 300 }) {
  const likely = [];
  for (let n = 0; n < scores.length; n++) if (scores[n] >= least) likely.push(n);
  likely.sort((a, b) => scores[b] - scores[a] || a - b);
  const stay = [];
  for (const n of likely.slice(0, 3000)) {
    const place = Math.floor(n / kinds);
    const one = { box: Array.from(boxes.subarray(4 * place, 4 * place + 4)), score: scores[n], kind: n % kinds };
    if (stay.every((other) => other.kind !== one.kind || iou(other.box, one.box) <= overlap)) stay.push(one);
    if (stay.length === most) break;
  }
  return stay;
}

// A box in parts of the canvas, in pixels of the frame; the borders come to the frame's edge.
export function undo(box, done, height, width) {
  const x = (v) => Math.min(Math.max(((v * width - done.left) * done.frameWidth) / done.scaledWidth, 0), done.frameWidth);
  const y = (v) => Math.min(Math.max(((v * height - done.top) * done.frameHeight) / done.scaledHeight, 0), done.frameHeight);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}
