// The page: a camera or a clip, boxes over it, and the rate at which they keep up.

const $ = (id) => document.getElementById(id);
const video = $("video"), overlay = $("overlay");
const frame = new OffscreenCanvas(1, 1), pencil = frame.getContext("2d", { willReadFrequently: true });
const COLOURS = ["#0b5394", "#d9822b", "#2e7d5b", "#9c4a8b", "#6b7280"];
const KEPT = 120; // frames over which rates are counted

// Three things happen at once: this page reads and draws, one worker prepares the next frame, one asks the network.
const preparer = new Worker("/page/prepare.js", { type: "module" });
const detector = new Worker("/page/detector.js", { type: "module" });
const rates = { ends: [], times: { read: [], prepare: [], network: [], suppress: [], draw: [] } };
let spec = null, preparing = false, asking = false, waiting = null;
window.upslope = { ready: false, looked: 0, rates: () => measured(), things: [] };

detector.onmessage = ({ data }) => {
  if (data.error) return say(data.error, true);
  if (data.ready) {
    spec = data.spec;
    window.upslope.ready = true;
    $("least").value = spec.score;
    $("least").oninput();
    $("about").textContent = `${spec.name}: ${spec.classes.join(", ")}. ${data.threads} thread${data.threads > 1 ? "s" : ""}.`;
    $("camera").disabled = $("file").disabled = false;
    say("Take your camera, or a clip.");
    return;
  }
  asking = false;
  ask();
  const began = performance.now();
  draw(data.things);
  note({ ...data.times, draw: performance.now() - began });
  rates.ends.push(performance.now());
  window.upslope.looked++;
};

preparer.onmessage = ({ data: { input, done, time } }) => {
  preparing = false;
  note({ prepare: time });
  waiting = { input, done };
  ask();
};
detector.onerror = preparer.onerror = (event) => say(event.message ?? "a worker could not be started", true);

// The frame that waits goes to the network, if that is free.
function ask() {
  if (asking || !waiting) return;
  asking = true;
  detector.postMessage({ ...waiting, least: Number($("least").value) }, [waiting.input.buffer]);
  waiting = null;
}

function say(words, bad = false) {
  $("said").textContent = words;
  $("said").className = bad ? "bad" : "";
}

// The newest frame counts: while one is being prepared, and another one waits, others pass by.
function tick() {
  if (!video.videoWidth || video.ended) return;
  if (spec && !preparing && !waiting) {
    preparing = true;
    const began = performance.now();
    const { videoWidth: width, videoHeight: height } = video;
    if (frame.width !== width || frame.height !== height) [frame.width, frame.height] = [width, height];
    pencil.drawImage(video, 0, 0);
    const pixels = pencil.getImageData(0, 0, width, height).data.buffer;
    note({ read: performance.now() - began });
    const size = { height: spec.height, width: spec.width };
    preparer.postMessage({ pixels, height, width, size }, [pixels]);
  }
  next();
}

function next() {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(tick);
  else requestAnimationFrame(tick);
}

function draw(things) {
  const pen = overlay.getContext("2d");
  if (overlay.width !== frame.width || overlay.height !== frame.height) [overlay.width, overlay.height] = [frame.width, frame.height];
  pen.clearRect(0, 0, overlay.width, overlay.height);
  const thick = Math.max(2, Math.round(overlay.width / 400));
  pen.lineWidth = thick;
  pen.font = `${7 * thick}px system-ui, sans-serif`;
  const counts = spec.classes.map(() => 0);
  for (const { box, kind } of things) {
    counts[kind]++;
    const [left, top, right, bottom] = box;
    pen.strokeStyle = COLOURS[kind % COLOURS.length];
    pen.strokeRect(left, top, right - left, bottom - top);
  }
  // Words come last, so that no line crosses them, and stay inside of the frame.
  for (const { box, score, kind } of things) {
    const left = box[0], top = Math.max(box[1], 8 * thick), words = `${spec.classes[kind]} ${Math.round(100 * score)}`;
    pen.fillStyle = COLOURS[kind % COLOURS.length];
    pen.fillRect(left, top - 8 * thick, pen.measureText(words).width + 2 * thick, 8 * thick);
    pen.fillStyle = "white";
    pen.fillText(words, left + thick, top - 2 * thick);
  }
  window.upslope.things = things;
  $("counts").textContent = spec.classes.map((name, kind) => `${name} ${counts[kind]}`).join("   ");
}

function note(times) {
  for (const [stage, value] of Object.entries(times)) rates.times[stage].push(value);
  for (const list of [rates.ends, ...Object.values(rates.times)]) if (list.length > KEPT) list.shift();
  const now = measured();
  $("rate").textContent = now.second ? `${now.second.toFixed(1)} frames a second` : "";
  $("stages").textContent = Object.entries(now.stages).map(([stage, ms]) => `${stage} ${ms.toFixed(1)} ms`).join(" · ");
}

function measured() {
  const { ends, times } = rates, count = ends.length;
  const second = count > 1 ? (1000 * (count - 1)) / (ends[count - 1] - ends[0]) : 0;
  const middle = (list) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;
  return { second, stages: Object.fromEntries(Object.entries(times).map(([stage, list]) => [stage, middle(list)])) };
}

function forget() {
  rates.ends.length = 0;
  for (const list of Object.values(rates.times)) list.length = 0;
}

function stop() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  video.removeAttribute("src");
  forget();
}

$("camera").onclick = async () => {
  stop();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 768 } } });
    await video.play();
    video.srcObject.getVideoTracks()[0].onended = () => say("The camera gives no more pictures: is it still there?", true);
    say("Nothing that the camera sees leaves this computer.");
    next();
  } catch (error) {
    const why = { NotAllowedError: "the browser was told not to", NotFoundError: "there is none" }[error.name] ?? error.message;
    say(`The camera cannot be used: ${why}.`, true);
  }
};

$("file").onchange = async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  stop();
  video.src = URL.createObjectURL(file);
  video.loop = true;
  video.onerror = () => say(`${file.name} is no clip that this browser can play.`, true);
  await video.play().catch(() => {});
  if (video.error) return;
  say(file.name);
  next();
};
$("least").oninput = () => ($("score").textContent = Number($("least").value).toFixed(2));
