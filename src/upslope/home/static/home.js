// What makes a page live: it hears what changed, asks for itself again, and takes over what is different. Every link and
// form works without it. One stream serves all tabs: a browser gives a server six connections and no more.
"use strict";

const follows = (document.body.dataset.follows || "").split(" ").filter(Boolean);
const channel = new BroadcastChannel("upslope");
let known = JSON.parse(document.body.dataset.known);

function heard(now) {
  const changed = follows.some((name) => known?.[name] !== now[name]);
  known = now;
  if (changed) refresh();
}
channel.onmessage = (message) => heard(message.data);

// Whoever holds the lock holds the stream, and tells the others; when that tab closes, the next one takes over.
navigator.locks.request("upslope-stream", () => new Promise(() => {
  const source = new EventSource("/stream");
  source.onmessage = (message) => {
    const now = JSON.parse(message.data);
    heard(now);
    channel.postMessage(now);
  };
}));

let asking = false, again = false;
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { /* the server is gone; what stands here stays */ }
  asking = false;
  if (again) { again = false; refresh(); }
}

function take(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (!fresh || same(old, fresh) || typing(old)) continue;
    const opened = [...old.querySelectorAll("details")].map((part) => part.open);
    const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const ticked = proven(fresh) > proven(old);
    old.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((part, k) => { if (k < opened.length) part.open = opened[k]; });
    if (focus) fresh.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
    if (ticked) fresh.classList.add("fresh");
    if ("say" in fresh.dataset) say((fresh.querySelector("[data-words]") || fresh.querySelector("h2, li, p"))?.textContent || "");
  }
  theirs(page);
}
const proven = (part) => part.querySelectorAll(".state.proven").length;
const bare = (part) => part.outerHTML.replace(' class="fresh"', "").replace(" fresh", "").replaceAll(' open=""', "");
const same = (old, fresh) => bare(old) === bare(fresh);
const typing = (part) => [...part.querySelectorAll("textarea, input[type=text], input:not([type])")]
  .some((box) => box === document.activeElement || box.value !== box.defaultValue);
const said = document.getElementById("said");
let hush = 0;
function say(words) {
  said.textContent = words.trim().replace(/\s+/g, " ");
  clearTimeout(hush);
  hush = setTimeout(() => { said.textContent = ""; }, 6000);
}

// The box in which an answer can be written.
const editor = document.getElementById("editor");
const box = document.getElementById("text");
function numbers() {
  const count = box.value.split("\n").length;
  editor.querySelector(".numbers").textContent = Array.from({ length: count }, (_, k) => k + 1).join("\n");
}
function theirs(page) {
  // The file changed on disk. What is typed here stays; an untouched box takes the new text.
  const other = page.getElementById("text");
  if (!box || !other || other.defaultValue === box.defaultValue) return;
  if (box.value !== box.defaultValue) { say("The file has changed on disk; saving will show you both texts."); return; }
  box.value = box.defaultValue = other.defaultValue;
  editor.elements.read.value = page.getElementById("editor").elements.read.value;
  numbers();
}
async function save() {
  const sent = box.value;
  const answer = await fetch(editor.action, { method: "POST", body: new URLSearchParams(new FormData(editor)) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 409) {
    // Both texts are in the answer; what was typed stays in the box.
    const conflict = page.querySelector(".conflict");
    document.querySelector(".conflict")?.remove();
    document.getElementById("write").before(conflict);
    editor.elements.read.value = page.getElementById("editor").elements.read.value;
    box.defaultValue = page.getElementById("text").defaultValue;
    return;
  }
  if (!answer.ok) { say(page.body.textContent); return; }
  box.defaultValue = sent;
  editor.elements.read.value = page.getElementById("editor").elements.read.value;
  take(page);
}
if (box) {
  numbers();
  box.addEventListener("input", numbers);
  let free = false;
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { free = true; return; }
    if (event.key === "Tab" && !free && !event.shiftKey) {
      event.preventDefault();
      document.execCommand("insertText", false, "    ");
    }
    if (event.key !== "Shift") free = false;
  });
  editor.addEventListener("submit", (event) => { event.preventDefault(); save(); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); save(); }
  });
}
