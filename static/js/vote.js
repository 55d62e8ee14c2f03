// The ballot follows the proposal: it opens, closes and hides as the standing beside it says.
import { bytes } from "./text.js";
import { refresh } from "./live.js";

const standing = document.getElementById("standing");
const form = document.getElementById("vote");
const reason = form.elements.namedItem("reason");

function follow() {
  const { state, voted, voteless } = standing.querySelector("[data-state]").dataset;
  const open = ["active", "pending", "gone"].includes(state); // the chain may give back what it took: words stay
  form.hidden = !open || Boolean(voted || voteless); // why somebody has no vote stands beside the tally
  for (const button of form.querySelectorAll("button")) button.disabled = state !== "active" || Boolean(form.dataset.sending);
}

function measure() {
  const most = Number(reason.dataset.bytes);
  const size = bytes(reason.value);
  const over = size > most ? `${size.toLocaleString("en")} bytes: at most ${most.toLocaleString("en")} fit.` : "";
  form.querySelector('[data-fault="reason"]').textContent = over;
  reason.toggleAttribute("aria-invalid", Boolean(over));
}

standing.addEventListener("live:refreshed", follow);
reason.addEventListener("input", measure);
// When the voting closes, what comes next (queue, execute) is another part of the page.
document.addEventListener("countdown:over", () => {
  for (const region of document.querySelectorAll("[data-live][data-src]")) setTimeout(refresh, 1500, region);
});
follow();
measure();
