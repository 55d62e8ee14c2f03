// Choosing whom to trust: a button beside each name writes the address into the form, which is checked by the site.
const form = document.getElementById("delegate");
const field = form.elements.namedItem("to");
const whose = form.querySelector("[data-whose]");

/** Name the account whose address stands in the field, if the page knows it. */
function name() {
  const wanted = field.value.trim().toLowerCase();
  const button = [...document.querySelectorAll("[data-choose]")].find(({ dataset }) => dataset.choose === wanted);
  const words = button?.getAttribute("aria-label")?.replace(/^Choose /, "");
  whose.textContent = button ? `This is ${words ?? "you"}.` : "";
  for (const one of document.querySelectorAll("[data-choose]")) one.setAttribute("aria-pressed", String(one === button));
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-choose]");
  if (!button) return;
  field.value = button.dataset.choose;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  form.querySelector("button[type=submit]").focus();
});
field.addEventListener("input", name);
document.getElementById("trust").addEventListener("live:refreshed", name);
name();
