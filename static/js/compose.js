// The composer: what is changed stands in the summary, and what the chain would refuse is said while typing.
// The server checks all of it again.
import { bytes } from "./text.js";

const form = document.getElementById("compose");

/** Why the chain would refuse this value, in the server's words; "" if it would not. */
function problem(field) {
  const text = field.value.trim();
  if (field.type === "number") {
    if (field.validity.badInput || text === "") return "Write a number.";
    const value = Number(text);
    if (value < Number(field.min) || value > Number(field.max)) return `Between ${field.min} and ${field.max}.`;
    const steps = value / Number(field.step);
    if (Math.abs(steps - Math.round(steps)) > 1e-6) return Number(field.step) < 1 ? "At most three decimals." : Number(field.step) === 1 ? "Write a whole number." : `A multiple of ${field.step}.`;
    return "";
  }
  if (field.dataset.bytes) {
    const most = Number(field.dataset.bytes);
    const size = bytes(text);
    if (size > most) return `${size.toLocaleString("en")} bytes: at most ${most.toLocaleString("en")} fit.`;
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text)) return "This has invisible characters: take them out.";
    if (text.includes("\n")) return "One line only.";
  }
  if (field.pattern && text && !new RegExp(`^(?:${field.pattern})$`).test(text)) return "Write 0x and 64 hexadecimal digits.";
  return "";
}

const parameters = [...form.querySelectorAll(".parameter")].map((box) => ({
  box,
  field: box.querySelector("input, textarea, select"),
  label: box.querySelector("label").textContent.trim().replace(/\s+/g, " "),
  ...box.querySelector("[data-today]").dataset,
}));

const same = (field, today) => (field.type === "number" ? Number(field.value) === Number(today) : field.value.trim() === today);

/** A field's value as people say it: a choice by its name. */
const said = (field) => (field.selectedOptions ? field.selectedOptions[0]?.textContent.split(":")[0] : field.value.trim());

function check({ box, field, today }) {
  const changed = !same(field, today);
  const fault = changed ? problem(field) : "";
  box.classList.toggle("changed", changed);
  box.querySelector("[data-fault]").textContent = fault;
  if (fault) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  const count = box.querySelector("[data-count]");
  if (field.dataset.bytes && count) count.textContent = changed ? `${bytes(field.value.trim()).toLocaleString("en")} of ${Number(field.dataset.bytes).toLocaleString("en")} bytes.` : "";
  const palette = box.querySelector("[data-fill]");
  for (const button of palette?.querySelectorAll("button") ?? []) button.setAttribute("aria-pressed", String(button.value === field.value));
}

function summarise() {
  const table = document.querySelector("[data-summary]");
  const changed = parameters.filter(({ field, today }) => !same(field, today));
  const rows = changed.map(({ label, field, words }) => {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: label });
    const cell = document.createElement("td");
    const was = Object.assign(document.createElement("del"), { textContent: words });
    const will = Object.assign(document.createElement("ins"), { textContent: said(field) || "none" });
    cell.append(was, " ", will);
    row.append(head, cell);
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = rows.length === 0;
  document.querySelector("[data-summary-empty]").hidden = rows.length > 0;
}

form.addEventListener("input", ({ target }) => {
  const parameter = parameters.find(({ field }) => field === target);
  if (parameter) check(parameter);
  summarise();
});

form.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-fill] button");
  if (!button) return;
  const field = document.getElementById(button.parentElement.dataset.fill);
  field.value = button.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// Values that the server sent back with a fault keep its words.
for (const parameter of parameters) {
  const words = parameter.box.querySelector("[data-fault]").textContent;
  if (words.trim()) parameter.box.classList.add("changed");
  else check(parameter);
}
summarise();
