// The network, in a worker: the page stays quick while it computes.

import * as ort from "/ort/ort.wasm.min.mjs";
import { found, letterbox, undo } from "/page/found.js";

// Without cross-origin isolation there is no shared memory, and it would run in one thread without a word.
// A core is left to the page and to the worker that prepares the next frame.
const cores = (navigator.hardwareConcurrency || 2) - 1;
const threads = self.crossOriginIsolated ? Math.max(1, Math.min(4, cores)) : 1;
ort.env.wasm.wasmPaths = "/ort/";
ort.env.wasm.numThreads = threads;

let session = null, spec = null;

async function begin() {
  spec = await (await fetch("/spec.json")).json();
  session = await ort.InferenceSession.create("/model.onnx", { executionProviders: ["wasm"] });
  postMessage({ ready: true, spec, threads });
}

// A frame comes as it is, or as another worker has prepared it while this one was busy.
async function look({ number, pixels, height, width, input, done, least }) {
  const began = performance.now();
  if (!input) ({ input, done } = letterbox(new Uint8ClampedArray(pixels), height, width, spec.height, spec.width));
  const prepared = performance.now();
  const image = new ort.Tensor("float32", input, [1, 3, spec.height, spec.width]);
  const said = await session.run({ [spec.input]: image });
  const asked = performance.now();
  const limits = { least: least ?? spec.score, overlap: spec.overlap };
  const things = found(said.boxes.data, said.scores.data, spec.classes.length, limits);
  for (const thing of things) thing.box = undo(thing.box, done, spec.height, spec.width);
  const ended = performance.now();
  const times = { network: asked - prepared, suppress: ended - asked };
  postMessage({ number, things, times: pixels ? { prepare: prepared - began, ...times } : times });
}

onmessage = ({ data }) => look(data).catch((error) => postMessage({ error: String(error) }));
begin().catch((error) => postMessage({ error: String(error) }));
