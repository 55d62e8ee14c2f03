// What a form says: its progress, and its faults, each beside what it is about.

function remedyOf(remedy, again) {
  if (remedy.href) return Object.assign(document.createElement("a"), { className: "button ghost small", href: remedy.href, textContent: remedy.label });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "ghost small", textContent: remedy.label });
  button.addEventListener("click", () => again(remedy));
  return button;
}

/** The voice of a form: [data-progress] and [data-fault] inside it or inside the nearest [data-scope]. */
export function voice(form) {
  const scope = form.closest("[data-scope]") ?? form;
  const place = (name) => scope.querySelector(`[data-fault="${CSS.escape(name)}"]`);
  return {
    say(words) {
      const progress = scope.querySelector("[data-progress]");
      if (progress && progress.textContent !== words) progress.textContent = words;
    },
    clear() {
      for (const fault of scope.querySelectorAll("[data-fault]")) fault.replaceChildren();
      for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    },
    /** `again(remedy)` is called when the person presses the remedy's button. */
    fault(name, words, remedy = null, again = null) {
      const target = place(name) ?? place("");
      if (!target) return;
      target.replaceChildren(Object.assign(document.createElement("span"), { textContent: words }));
      if (remedy?.href || (remedy && again)) target.append(remedyOf(remedy, again));
      const field = name && form.elements.namedItem(name);
      if (field?.setAttribute) field.setAttribute("aria-invalid", "true");
    },
  };
}

/** A line at the top of the page, for what belongs to no form on it. */
export function line(id) {
  const row = document.getElementById(id) ?? Object.assign(document.createElement("p"), { id, className: "message" });
  return {
    say(words, remedy = null, kind = "") {
      row.className = `message ${kind}`.trim();
      row.replaceChildren(words);
      if (remedy?.href) row.append(" ", Object.assign(document.createElement("a"), { href: remedy.href, textContent: remedy.label }));
      if (!row.isConnected) document.querySelector(".messages")?.append(row);
    },
    clear: () => row.remove(),
  };
}
