// The front page while it lives: the picture forming on the easel, votes as they are cast, and the new work
// being hung. The finished work is never covered: what is being painted has its own small place by the label.
import { announce, refresh, subscribe } from "./live.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const label = document.querySelector("[data-label]");
const wall = document.querySelector("[data-wall]");
const strip = document.querySelector("[data-strip]");
const PRELOAD_MS = 10_000;

// --- The easel

function painting({ epoch, step, steps, image }) {
  const easel = label.querySelector(`[data-easel="${Number(epoch)}"]`);
  if (!easel) {
    refresh(label);
    return;
  }
  const bar = easel.querySelector("progress");
  bar.max = steps;
  bar.value = step;
  easel.querySelector("[data-step]").textContent = `step ${step} of ${steps}`;
  if (image) form(easel.querySelector("[data-frames]"), image, steps ? step / steps : 0);
}

/** Let a frame come up through the one before it, a little sharper than that one was. */
async function form(frames, source, part) {
  const frame = new Image();
  frame.alt = "";
  frame.src = source;
  try {
    await frame.decode();
  } catch {
    return; // a frame that can't be read is no loss: the next one comes
  }
  frames.style.setProperty("--forming", (1 - part).toFixed(2));
  frames.append(frame);
  const older = [...frames.children].slice(0, -1);
  if (calm.matches) older.forEach((each) => each.remove());
  else setTimeout(() => older.forEach((each) => each.remove()), 900);
}

// --- A new generation

/** Before the label changes, have its picture ready, so that both change together. */
function incoming({ detail }) {
  const hung = wall?.dataset.generation;
  const arriving = new DOMParser().parseFromString(detail.html, "text/html").querySelector("template[data-hang]");
  if (!arriving || (arriving.dataset.generation === hung && arriving.dataset.absent === wall.dataset.absent)) return;
  const work = document.importNode(arriving.content, true).firstElementChild;
  const picture = work.querySelector("[data-work]");
  const ready = Promise.resolve(picture?.decode()).catch(() => undefined);
  const patience = new Promise((resolve) => setTimeout(resolve, PRELOAD_MS));
  detail.wait(Promise.race([ready, patience]).then(() => hang(work, arriving.dataset)));
}

function hang(work, { generation, words, title, absent }) {
  const older = [...wall.children];
  const same = wall.dataset.generation === generation;
  wall.dataset.generation = generation;
  wall.dataset.absent = absent;
  const finish = () => older.forEach((each) => each.remove());
  wall.append(work);
  if (older.length && !same && !calm.matches) {
    older.forEach((each) => each.setAttribute("inert", ""));
    work.classList.add("arriving");
    work.addEventListener("animationend", ({ target }) => target === work && finish());
    setTimeout(finish, 6000);
  } else {
    finish();
  }
  wall.classList.toggle("bare", !work.querySelector("[data-work]"));
  if (title) document.title = `${title} · Murmuration`;
  if (!same) announce(words);
}

function refreshed() {
  const next = label.querySelector("template[data-strip-items]");
  if (!next || !strip || next.innerHTML.trim() === strip.innerHTML.trim()) return;
  const atEnd = strip.scrollLeft + strip.clientWidth > strip.scrollWidth - 80;
  strip.replaceChildren(document.importNode(next.content, true));
  if (atEnd) strip.scrollTo({ left: strip.scrollWidth, behavior: calm.matches ? "instant" : "smooth" });
}

// --- Votes

const SUPPORT = [["against", "votes against"], ["for", "votes for"], ["abstain", "abstains"]];
const ticker = document.querySelector("[data-ticker]");

function vote({ voter, voter_name: name, support, weight }) {
  if (!ticker) return;
  const line = document.createElement("li");
  const [kind, does] = SUPPORT[support] ?? ["", "votes"];
  line.className = `num ${kind}`;
  const who = name || (voter ? `${voter.slice(0, 6)}…${voter.slice(-4)}` : "Someone");
  line.textContent = `${who} ${does}${weight ? ` with ${weight}` : ""}`;
  ticker.prepend(line);
  [...ticker.children].slice(3).forEach((each) => each.remove());
  setTimeout(() => line.remove(), 20_000);
}

if (label) {
  label.addEventListener("live:incoming", incoming);
  label.addEventListener("live:refreshed", refreshed);
  subscribe(["artwork"], { painting });
  subscribe(["governance"], { vote });
  if (strip) strip.scrollLeft = strip.scrollWidth;
}
