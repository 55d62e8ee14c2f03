// The site, asked by a script.
import { Problem, connectAgain, reload, revertData, messageOf, wordsFor } from "./problems.js";

const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";

/** The wallet that this page was made for (lower-case address, or ""), and its chain's number (0 if unknown). */
export function visitor() {
  const { wallet = "", chain = "" } = document.querySelector("[data-wallet]")?.dataset ?? {};
  return { address: wallet, chain: Number(chain) };
}

/** POST to the site and read its JSON: `{ok, status, body}`. Throws a Problem when it gives none. */
export async function post(url, body, type = null) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrf() };
  if (type) headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body });
  } catch {
    throw new Problem("The gallery does not answer. What you typed is still here: please try again in a moment.");
  }
  const json = await response.json().catch(() => null);
  if (json) return { ok: response.ok, status: response.status, body: json };
  if (response.status === 403) throw new Problem("This page has become too old to be trusted. Reload it: what you typed is kept.", reload());
  if (response.status === 429) throw new Problem("Too many requests. Please wait a minute: what you typed is still here.");
  if (response.status === 404) throw new Problem("The gallery does not know this any more. Perhaps the chain took it back.", reload());
  throw new Problem(`The gallery could not do that (${response.status}). What you typed is still here: please try again in a moment.`);
}

export const postJson = (url, body) => post(url, JSON.stringify(body), "application/json");

/** Whatever a wallet or a node threw, as a Problem. The site knows every contract's own errors. */
export async function inWords(error) {
  if (error instanceof Problem) return error;
  const data = revertData(error);
  if (!data && wordsFor(error)) return new Problem(wordsFor(error), error.code === 4100 ? connectAgain() : null);
  const message = messageOf(error);
  const answer = await postJson("/transactions/explain/", { data, message }).catch(() => null);
  return new Problem(answer?.body?.words ?? (message || "The wallet gave no reason."));
}
