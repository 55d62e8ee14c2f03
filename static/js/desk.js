// An operator's page that has `data-poll` is looked at again while something on it is under way. When that is
// over, the page that comes has no `data-poll`, and the looking ends.
const EVERY_MS = 2000;

async function look() {
  const desk = document.querySelector("#desk[data-poll]");
  if (!desk) return;
  if (!document.hidden) {
    try {
      const response = await fetch(location.href, { cache: "no-store" });
      if (!response.ok) throw new Error(`${response.status} for ${location.pathname}`);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("#desk");
      if (!fresh) location.reload(); // signed out meanwhile
      else if (!desk.contains(document.activeElement) && fresh.outerHTML !== desk.outerHTML) {
        desk.replaceWith(document.importNode(fresh, true));
      }
    } catch (error) {
      console.warn(error); // the next look may do better
    }
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
