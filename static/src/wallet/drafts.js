// What somebody typed survives a refusal, a reload and a trip to the sign-in page: `data-draft="key"` on a form
// keeps its fields in this tab until the form has done its work.
const FIELDS = "input:not([type=hidden]), textarea, select";
const prefix = "murmuration.draft.";

function store(action, ...rest) {
  try {
    return sessionStorage[action](...rest);
  } catch {
    return null; // storage is switched off: the page still works, only without memory
  }
}

export const forget = (draft) => draft && store("removeItem", prefix + draft);

/** What the page came with. */
const original = (field) => (field.options ? [...field.options].find((option) => option.defaultSelected)?.value : field.defaultValue);

function keep(form) {
  const typed = {};
  for (const field of form.elements) {
    if (field.matches(FIELDS) && field.name && field.value !== original(field)) typed[field.name] = field.value;
  }
  store("setItem", prefix + form.dataset.draft, JSON.stringify(typed));
}

function restore(form) {
  let typed = {};
  try {
    typed = JSON.parse(store("getItem", prefix + form.dataset.draft) ?? "{}");
  } catch {
    forget(form.dataset.draft);
  }
  for (const [name, value] of Object.entries(typed)) {
    const field = form.elements.namedItem(name);
    if (!field?.matches?.(FIELDS) || field.value !== original(field)) continue;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

for (const form of document.querySelectorAll("form[data-draft]")) {
  restore(form);
  form.addEventListener("input", () => keep(form));
}
