// The page's one line to what is happening. Regions of the page that carry `data-live` are fetched again when
// something they show has changed, and after every time the line was down, so a page is right without a reload.
//
//   <div data-live="artwork governance:vote,proposal" data-src="/now/label/">…</div>
//
// A region's markup is replaced (`data-swap`, else its inside); typed text, focus and opened details stay.
// `data-every` fetches it that often (seconds) while the page is looked at, for what no message tells of;
// `data-pace` is the least time (seconds) between two fetches, for what changes many times a second.
// `data-gone="reload"`: when its page is no longer there, the whole page is fetched, to say so in its own words.
// Before that it gets a `live:incoming` event: `detail.html`, and `detail.wait(promise)` holds the swap back.
import htmx from "../dist/htmx.js";

const BEAT_MS = 55_000; // the server speaks every 20 s: after more than twice that the line is dead
const PATIENCE_MS = 4_000; // a short break needs no words
const LONGEST_PAUSE_MS = 20_000;
const GRACE_MS = 2_000; // neither has a node that answers the next question
const REFUSED = 4400;
const CROWD = 4429; // too many pages are open from this network: soon trying again makes it worse
const CROWD_PAUSE_MS = 60_000;

const loaded = Date.now();
const looked = new WeakMap(); // region -> when it was fetched because of `data-every`
const fetched = new WeakMap(); // region -> when it was last fetched
const worsening = new WeakMap(); // region -> since when the mirror is worse than it says, and what will say so
const subscriptions = new Set();
const shown = new WeakMap(); // region -> the server's markup that it shows
const busy = new WeakMap(); // region -> whether to fetch once more afterwards
let socket = null;
let heardAt = 0;
let failures = 0;
let missed = true; // something may have happened since the page was rendered
let retry = 0;
let offlineTimer = 0;
let crowded = false;
let spread = 150; // ms; the server says what is right for as many pages as there are

/** Call `handlers[kind](message)` for messages on these topics; returns the way to stop. */
export function subscribe(topics, handlers, { onReconnect } = {}) {
  const subscription = { topics: new Set(topics), handlers, onReconnect };
  subscriptions.add(subscription);
  follow();
  return () => {
    subscriptions.delete(subscription);
    follow();
  };
}

/** Say something to people who listen to the page. */
export function announce(words) {
  const place = document.querySelector("[data-announce]");
  if (place && words) place.textContent = words;
}

/** Fetch a region again. Calls while one is under way end in one more fetch, not in many. */
export async function refresh(region) {
  if (busy.has(region)) {
    busy.set(region, true);
    return;
  }
  let again = true;
  for (let failed = 0; again && region.isConnected; ) {
    busy.set(region, false);
    // Many pages hear the same message: they do not all ask in the same instant.
    const rest = (fetched.get(region) ?? 0) + (Number(region.dataset.pace) || 0) * 1000 - Date.now();
    await pause(Math.max(rest, Math.random() * spread + Math.min(failed * 2000, 15_000)));
    fetched.set(region, Date.now());
    failed = (await load(region)) ? 0 : failed + 1;
    again = busy.get(region) || (failed > 0 && failed < 6);
  }
  busy.delete(region);
}

async function load(region) {
  let html;
  try {
    const response = await fetch(region.dataset.src, { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (response.status === 404 && region.dataset.gone === "reload") {
      location.reload();
      return true;
    }
    if (!response.ok) throw new Error(`${response.status} for ${region.dataset.src}`);
    html = await response.text();
    const { select } = region.dataset; // the address is a whole page of which this region is a part
    if (select) html = new DOMParser().parseFromString(html, "text/html").querySelector(select)?.innerHTML ?? "";
  } catch (error) {
    console.warn(error);
    return false;
  }
  if (shown.get(region) === essence(html)) return true;
  const waits = [untilNotTyping(region)];
  region.dispatchEvent(
    new CustomEvent("live:incoming", { bubbles: true, detail: { html, wait: (promise) => waits.push(promise) } }),
  );
  await Promise.allSettled(waits);
  if (!region.isConnected) return true;
  const restore = remember(region);
  const fresh = region.matches("[data-fresh]");
  const behind = fresh && !staleness(region).startsWith("good");
  htmx.swap(region, html, { swapStyle: region.dataset.swap ?? "innerHTML", swapDelay: 0, settleDelay: 0 });
  shown.set(region, essence(html));
  restore();
  if (behind && staleness(region).startsWith("good")) announce("This page is up to date again.");
  region.dispatchEvent(new CustomEvent("live:refreshed", { bubbles: true }));
  follow();
  return true;
}

// The clock goes on in every answer, and what a message writes in place is there already: no reason to touch the page.
const essence = (html) => html.replace(/ data-chain-time="\d*"/, "").replace(/(<span data-(?:lack|left)>)[^<]*/g, "$1").trim();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whoever is typing in a region is not interrupted. */
async function untilNotTyping(region) {
  while (region.contains(document.activeElement) && document.activeElement.matches("textarea, select, input")) {
    await new Promise((resolve) => document.activeElement.addEventListener("blur", resolve, { once: true }));
  }
}

/** Keep what a visitor typed, opened and pointed at; returns the function that puts it back. */
function remember(region) {
  const key = (element) => element.id || element.name || element.getAttribute("href") || "";
  const typed = [...region.querySelectorAll("input, textarea")]
    .filter((field) => key(field) && field.type !== "hidden" && field.value !== field.defaultValue)
    .map((field) => [key(field), field.value]);
  const opened = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  const focus = region.contains(document.activeElement) ? key(document.activeElement) : "";
  return () => {
    const find = (wanted) => [...region.querySelectorAll("input, textarea, a, button, details")].find((element) => key(element) === wanted);
    for (const [name, value] of typed) {
      const field = find(name);
      if (field && field.value === field.defaultValue) field.value = value;
    }
    for (const id of opened) find(id)?.setAttribute("open", "");
    if (focus && document.activeElement === document.body) find(focus)?.focus({ preventScroll: true });
  };
}

// --- Regions

const regions = () => [...document.querySelectorAll("[data-live][data-src]")];

/** "artwork governance:vote,proposal" -> [["artwork", null], ["governance", ["vote", "proposal"]]] */
function wishes(region) {
  return region.dataset.live
    .split(/\s+/)
    .filter(Boolean)
    .map((wish) => {
      const [topic, kinds] = wish.split(":");
      return [topic, kinds ? kinds.split(",") : null];
    });
}

// A frame of a painting changes no region: whoever shows it subscribes to it.
const wants = (region, { topic, kind }) =>
  wishes(region).some(([name, kinds]) => name === topic && (kinds ? kinds.includes(kind) : kind !== "painting"));

function deliver(message) {
  for (const { topics, handlers } of subscriptions) {
    if (!topics.has(message.topic) || !handlers[message.kind]) continue;
    try {
      handlers[message.kind](message);
    } catch (error) {
      reportError(error);
    }
  }
  const newHead = message.topic === "chain" && message.kind === "head";
  // What the chain took back may be anywhere on the page.
  const reorg = message.topic === "chain" && message.kind === "reorg";
  for (const region of regions()) {
    const waits = newHead && region.querySelector("[data-until-final]");
    if (reorg || waits || wants(region, message)) refresh(region);
    else if (newHead && region.matches("[data-fresh]")) follows(region, `${message.state} ${message.why ?? ""}`.trim());
  }
  if (newHead) head(message);
}

/** The line about the mirror is fetched when what it says is no longer so. Good news at once, bad news if it lasts. */
function follows(region, state) {
  const unsaid = staleness(region) !== state;
  clearTimeout(worsening.get(region)?.timer);
  if (unsaid && state === "good") refresh(region);
  if (!unsaid || state === "good") return void worsening.delete(region);
  const { since = Date.now() } = worsening.get(region) ?? {};
  const timer = setTimeout(refresh, Math.max(0, since + GRACE_MS - Date.now()), region);
  worsening.set(region, { since, timer });
}

/** What the page says of the mirror now: "good", "behind", "stopped RpcUnavailable", ... */
function staleness(region) {
  const { state, why } = region.querySelector("[data-state]")?.dataset ?? {};
  return `${state ?? ""} ${why ?? ""}`.trim();
}

const spaced = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, " ");

const write = (selector, words) => document.querySelectorAll(selector).forEach((place) => (place.textContent = words));

/** The foot of every page names the newest block; the line about catching up, how far it is. */
function head({ number, final, lack, left }) {
  const unfinal = Math.max(0, number - Math.max(final, 0));
  const words = `block ${spaced(number)}${unfinal ? `, ${unfinal} not final yet` : ", final"}`;
  write("[data-head]", words);
  if (lack) write("[data-lack]", lack);
  if (lack) write("[data-left]", left && `, ${left} to go`);
}

// --- The line

export function topicsNow() {
  const topics = new Set(regions().flatMap((region) => wishes(region).map(([topic]) => topic)));
  for (const subscription of subscriptions) subscription.topics.forEach((topic) => topics.add(topic));
  if (topics.size) topics.add("chain");
  return [...topics].sort();
}

let following = "";

/** Listen to what the page shows now. */
function follow() {
  const topics = topicsNow();
  const wanted = topics.join(",");
  if (socket?.readyState === WebSocket.OPEN && wanted !== following) {
    following = wanted;
    socket.send(JSON.stringify({ topics }));
  } else if (!socket && !retry && topics.length) {
    connect();
  }
}

function connect() {
  clearTimeout(retry);
  retry = 0;
  following = topicsNow().join(",");
  if (!following) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live/?topics=${encodeURIComponent(following)}`);
  heardAt = Date.now();
  socket.addEventListener("open", opened);
  socket.addEventListener("close", closed);
  socket.addEventListener("message", ({ data }) => {
    heardAt = Date.now();
    const message = JSON.parse(data);
    spread = message.spread ?? spread;
    if (message.kind === "listening") listening(message);
    else deliver(message);
  });
}

function opened() {
  follow(); // topics may have come while the line was being opened
}

/** The server misses nothing on these topics from now on: what is fetched now stays right. */
function listening({ topics }) {
  failures = 0; // not before: a server that opens a line only to close it is no success
  crowded = false;
  clearTimeout(offlineTimer);
  offlineTimer = 0;
  markOffline(false);
  document.documentElement.dataset.listening = topics.join(" ");
  if (missed) {
    missed = false;
    regions().forEach(refresh);
    for (const { onReconnect } of subscriptions) onReconnect?.();
  }
}

function closed({ code, reason }) {
  socket = null;
  delete document.documentElement.dataset.listening;
  missed = true;
  crowded = code === CROWD;
  if (crowded) markOffline(true, `${reason}. What you see may be out of date; trying again in a minute.`);
  else offlineTimer ||= setTimeout(() => markOffline(true), PATIENCE_MS);
  if (code === REFUSED) return; // asking again for the same would be refused again
  const longest = crowded ? 2 * CROWD_PAUSE_MS : Math.min(500 * 2 ** failures++, LONGEST_PAUSE_MS);
  retry = setTimeout(connect, longest * (0.5 + Math.random() / 2));
}

function markOffline(offline, words = "") {
  document.documentElement.toggleAttribute("data-live-lost", offline);
  for (const mark of document.querySelectorAll("[data-offline]")) {
    mark.dataset.words ??= mark.textContent;
    mark.textContent = words || mark.dataset.words;
    mark.hidden = !offline;
  }
}

/** Fetch what nobody tells of, while somebody looks. */
function look() {
  if (document.hidden) return;
  for (const region of regions()) {
    const every = Number(region.dataset.every) * 1000;
    if (every && Date.now() - (looked.get(region) ?? loaded) >= every) {
      looked.set(region, Date.now());
      refresh(region);
    }
  }
}

function hurry() {
  if (retry && !crowded) connect();
}

function start() {
  for (const region of regions()) shown.set(region, essence(region.innerHTML));
  follow();
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && Date.now() - heardAt > BEAT_MS) socket.close();
  }, 5_000);
  setInterval(look, 1_000);
  addEventListener("offline", () => socket?.close()); // a dead line may look alive for a minute
  addEventListener("online", hurry);
  addEventListener("pageshow", hurry);
  document.addEventListener("visibilitychange", () => document.hidden || hurry());
  document.addEventListener("htmx:load", follow);
  // Somebody on this page changed something: the mirror has it in a moment, and says so; a page doesn't rely on that.
  document.addEventListener("live:stale", () => regions().forEach((region) => setTimeout(refresh, 1500, region)));
  // A deadline has passed: the server is about to say so, but a page doesn't rely on that.
  document.addEventListener("countdown:over", ({ target }) => {
    const region = target.closest("[data-live][data-src]");
    if (region) setTimeout(refresh, 1500, region);
  });
}

start();
