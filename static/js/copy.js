// Buttons that copy what stands elsewhere on the page: <button type="button" data-copy="id-of-it">Copy</button>.
// Real buttons, so the keyboard works; the words change to say that it is done, or what to do instead.
import { announce } from "./live.js";

const SAID_MS = 2_500;

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  const done = await copy(source);
  const words = done ? "Copied" : "Selected: press Ctrl-C";
  button.dataset.words ??= button.textContent;
  button.textContent = words;
  announce(done ? `Copied: ${button.getAttribute("aria-label") ?? ""}` : words);
  setTimeout(() => (button.textContent = button.dataset.words), SAID_MS);
});

/** Copy an element's text; where the browser doesn't let us (a page without TLS), select it. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return false;
  }
}
