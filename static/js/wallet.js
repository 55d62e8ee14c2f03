// Transactions: the site makes them ready, the person's own wallet sends them (EIP-1193), and every way it can
// go wrong is said beside the button that was pressed. Nothing typed is lost: see drafts.js.
//
//   <form data-transaction method="post" action="/proposals/…/vote/" data-doing="Your vote" data-done="…">
//     … <p data-progress></p> <p data-fault="fieldname"></p> <p data-fault=""></p>
//   </form>
//
// A form's faults may also stand elsewhere inside the nearest [data-scope]. When the transaction is mined the form
// gets a `transaction:mined` event.
import { forget } from "./drafts.js";
import { announce, refresh } from "./live.js";

const CHOICE = "murmuration.wallet";
const DECLINED = 4001;
const UNKNOWN_CHAIN = 4902;
const BUSY = -32002;
const LOST_AFTER_MS = 60_000;

/** Something that the person should read. `link` is where to go about it. */
export class Problem extends Error {
  constructor(message, link = null) {
    super(message);
    this.link = link;
  }
}

export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const same = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();
const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;
const signInUrl = () => `/signin/?next=${encodeURIComponent(location.pathname + location.search)}`;

// --- Wallets

const found = new Map(); // uuid -> {info, provider}
const listeners = new Set();

window.addEventListener("eip6963:announceProvider", ({ detail }) => {
  if (!detail?.info?.uuid || !detail.provider?.request) return;
  const known = [...found.values()].some(({ info }) => info.rdns === detail.info.rdns && info.name === detail.info.name);
  if (known) return;
  found.set(detail.info.uuid, detail);
  for (const listener of listeners) listener(detail);
});
window.dispatchEvent(new Event("eip6963:requestProvider"));

/** Call `listener` for each wallet in this browser, now and as they turn up. */
export function onWallet(listener) {
  listeners.add(listener);
  for (const wallet of found.values()) listener(wallet);
}

/** Remember which wallet signed in: it is asked first from then on. */
export function remember(rdns) {
  try {
    localStorage.setItem(CHOICE, rdns);
  } catch {
    // storage is switched off: every wallet is asked then
  }
}

function remembered() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

/** The provider that speaks for `address`. */
async function providerFor(address, isDemo) {
  const first = remembered();
  if (isDemo && (!first || first.startsWith("demo."))) return (await import("./demo-wallet.js")).demoProvider(address);
  const candidates = [...found.values()].sort((a, b) => (b.info.rdns === first) - (a.info.rdns === first));
  if (!candidates.length && window.ethereum?.request) candidates.push({ info: { rdns: "" }, provider: window.ethereum });
  let other = "";
  for (const { info, provider } of candidates) {
    let accounts = await provider.request({ method: "eth_accounts" }).catch(() => []);
    if (!accounts.length && (info.rdns === first || candidates.length === 1)) {
      accounts = await provider.request({ method: "eth_requestAccounts" });
    }
    if (accounts.some((account) => same(account, address))) return provider;
    other ||= accounts[0] ?? "";
  }
  if (other) throw new Problem(`Your wallet shows ${short(other)}, but you are connected here as ${short(address)}. Switch the account in your wallet, or connect again.`, signInUrl());
  throw new Problem("The wallet you connected with is not in this browser any more. Please connect again.", signInUrl());
}

async function onChain(provider, chain, say) {
  const at = async () => provider.request({ method: "eth_chainId" });
  if (same(await at(), chain)) return;
  say("Your wallet is on another network: confirm the change there.");
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: chain }] });
  } catch (error) {
    if (codeOf(error) === UNKNOWN_CHAIN) throw new Problem(`Your wallet does not know this network yet: add chain ${Number(chain)} to it, then try again.`);
    throw error;
  }
  if (!same(await at(), chain)) throw new Problem(`Your wallet is on another network. Switch it to chain ${Number(chain)}, then try again.`);
}

// --- Sending

/** Send what the site made ready; resolves with the receipt once it is mined. Throws a Problem with words. */
export async function send(offer, say) {
  const request = { from: offer.from, ...offer.transaction };
  let provider;
  let hash;
  try {
    provider = await providerFor(offer.from, offer.demo);
    await onChain(provider, offer.chain, say);
    say(offer.demo ? "Signing…" : "Confirm it in your wallet.");
    hash = await provider.request({ method: "eth_sendTransaction", params: [request] });
  } catch (error) {
    throw await inWords(error);
  }
  say("Sent. Waiting for the chain.");
  const receipt = await mined(provider, hash, say);
  if (!same(receipt.status, "0x0")) return receipt;
  // Ask again for the reason, as of the block it failed in.
  const error = await provider.request({ method: "eth_call", params: [request, receipt.blockNumber] }).then(
    () => new Error("It was mined, but it failed. Perhaps it ran out of gas."),
    (reason) => reason,
  );
  throw await inWords(error);
}

async function mined(provider, hash, say) {
  const started = Date.now();
  let seen = started;
  for (let wait = 250; ; wait = Math.min(wait * 1.3, 3000)) {
    const receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [hash] }).catch(() => null);
    if (receipt) return receipt;
    const pending = await provider.request({ method: "eth_getTransactionByHash", params: [hash] }).catch(() => true);
    if (pending) seen = Date.now();
    if (Date.now() - seen > LOST_AFTER_MS) throw new Problem("The chain does not know this transaction any more: it was dropped or replaced. Look in your wallet, then try again.");
    if (Date.now() - started > 30_000) say("Sent. The chain is slow; this can take a while. You may leave the page.");
    await pause(wait);
  }
}

const codeOf = (error) => error?.code ?? error?.data?.originalError?.code ?? null;

/** The bytes a contract reverted with, wherever this wallet puts them. */
function revertData(error) {
  for (let at = error, depth = 0; at && depth < 6; depth += 1) {
    if (typeof at === "string") return at.match(/0x[0-9a-fA-F]{8,}/)?.[0] ?? null;
    if (typeof at !== "object") return null;
    at = at.data ?? at.originalError ?? at.error ?? at.cause ?? null;
  }
  return null;
}

async function inWords(error) {
  if (error instanceof Problem) return error;
  const code = codeOf(error);
  if (code === DECLINED) return new Problem("You declined. Nothing was sent, and nothing you typed is lost.");
  if (code === BUSY) return new Problem("Your wallet is asking you something already: open it.");
  const answer = await post("/transactions/explain/", JSON.stringify({ data: revertData(error), message: String(error?.message ?? "") }), "application/json").catch(() => null);
  return new Problem(answer?.body?.words ?? String(error?.message ?? "The wallet gave no reason."));
}

/** POST to the site and read its JSON. Throws a Problem when it gives none. */
export async function post(url, body, type = null) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrf() };
  if (type) headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body });
  } catch {
    throw new Problem("The gallery does not answer. What you typed is still here; please try again in a moment.");
  }
  const json = await response.json().catch(() => null);
  if (json) return { ok: response.ok, status: response.status, body: json };
  if (response.status === 403) throw new Problem("This page has become too old to be trusted. Reload it: what you typed is kept.");
  throw new Problem(`The gallery could not do that (${response.status}). What you typed is still here.`);
}

// --- Forms

/** Show progress and faults around a form. */
export function voice(form) {
  const scope = form.closest("[data-scope]") ?? form;
  const place = (name) => scope.querySelector(`[data-fault="${CSS.escape(name)}"]`);
  return {
    say(words) {
      const progress = scope.querySelector("[data-progress]");
      if (progress) progress.textContent = words;
    },
    clear() {
      for (const fault of scope.querySelectorAll("[data-fault]")) fault.replaceChildren();
      for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    },
    fault(name, words, link = null) {
      const target = place(name) ?? place("");
      if (!target) return;
      target.replaceChildren(words);
      if (link) {
        const anchor = Object.assign(document.createElement("a"), { href: link, textContent: "Connect" });
        target.append(" ", anchor);
      }
      const field = name && form.elements.namedItem(name);
      if (field?.setAttribute) field.setAttribute("aria-invalid", "true");
    },
  };
}

async function submit(form, button) {
  const { say, clear, fault } = voice(form);
  const body = new FormData(form);
  if (button?.name) body.set(button.name, button.value);
  clear();
  try {
    say("One moment…");
    const answer = await post(form.action, body);
    if (!answer.ok) {
      say("");
      const { errors = {}, message = "" } = answer.body;
      for (const [name, words] of Object.entries(errors)) fault(name, words.join(" "));
      if (message) fault("", message, answer.status === 401 ? signInUrl() : null);
      form.querySelector("[aria-invalid=true]")?.focus();
      return;
    }
    const receipt = await send(answer.body, say);
    forget(form);
    say(form.dataset.done ?? "Done.");
    announce(form.dataset.done ?? "Done.");
    form.dispatchEvent(new CustomEvent("transaction:mined", { bubbles: true, detail: { receipt, offer: answer.body } }));
    if (answer.body.then) await arrive(answer.body.then, say);
    else for (const region of document.querySelectorAll("[data-live][data-src]")) setTimeout(refresh, 1500, region);
  } catch (error) {
    say("");
    fault("", error.message, error.link);
    if (!(error instanceof Problem)) reportError(error);
  }
}

/** Go to a page that the site will have as soon as it has read the chain. */
async function arrive(url, say) {
  for (let tries = 0; tries < 60; tries += 1) {
    const response = await fetch(`${url}known/`, { cache: "no-store" }).catch(() => null);
    if (response?.ok && (await response.json()).known) {
      location.assign(url);
      return;
    }
    if (tries === 8) say("It is on the chain. The gallery is still reading it…");
    await pause(500);
  }
  say("It is on the chain, but the gallery has not read it yet. It will be among the proposals soon.");
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-transaction]")) return;
  event.preventDefault();
  if (form.dataset.sending) return;
  const button = event.submitter;
  form.dataset.sending = "true";
  button?.setAttribute("aria-busy", "true");
  const others = [...form.elements].filter((element) => element.type === "submit" && !element.disabled);
  for (const other of others) other.disabled = true;
  try {
    await submit(form, button);
  } finally {
    delete form.dataset.sending;
    button?.removeAttribute("aria-busy");
    for (const other of others) other.disabled = false;
  }
});
