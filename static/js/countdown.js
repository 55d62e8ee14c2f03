// Times in words, by the chain's clock and not the visitor's:
//   <time data-at="1763900000" data-past="any moment now">…</time>   41 s, 4 min 05 s, 3 h 12 min, 5 days
//   <time data-since="1763900000">…</time>                           4 min ago
// The server gives the chain's time in <meta name="chain-time">, and in [data-chain-time] of a fetched region.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const over = new WeakSet();
let offset = 0; // seconds to add to this machine's clock

/** The chain's time now, in seconds. */
export const chainNow = () => Date.now() / 1000 + offset;

function set(seconds) {
  if (Number.isFinite(seconds) && seconds > 0) offset = seconds - Date.now() / 1000;
}

/** A length of time in words; coarser as it grows, so that nobody has to count. */
export function span(seconds) {
  const s = Math.max(0, Math.ceil(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return calm.matches ? `${Math.ceil(s / 60)} min` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.round(s / 86400)} days`;
}

/** How long ago, in words. */
export function ago(seconds) {
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  const now = chainNow();
  for (const element of document.querySelectorAll("[data-at]")) {
    const left = Number(element.dataset.at) - now;
    if (left > 0) {
      over.delete(element);
      write(element, (element.dataset.prefix ?? "") + span(left));
    } else {
      write(element, element.dataset.past ?? "any moment now");
      if (!over.has(element)) {
        over.add(element);
        // Only what ran out before the visitor's eyes is news.
        if (left > -2) element.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
      }
    }
  }
  for (const element of document.querySelectorAll("[data-since]")) write(element, ago(now - Number(element.dataset.since)));
}

set(Number(document.querySelector('meta[name="chain-time"]')?.content));
document.addEventListener("live:refreshed", ({ target }) => {
  set(Number(target.querySelector("[data-chain-time]")?.dataset.chainTime));
  tick();
});
tick();
setInterval(tick, 1000);
