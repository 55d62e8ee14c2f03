// Forms whose work a wallet does:
//
//   <form data-transaction method="post" action="/proposals/…/vote/" data-doing="Your vote" data-done="…">
//     … <p data-progress></p> <p data-fault="fieldname"></p> <p data-fault=""></p>
//   </form>
//
// When the transaction is mined the form gets a `transaction:mined` event and the page's regions a `live:stale`.
import { forget } from "./drafts.js";
import { reader } from "./found.js";
import { stillTheSame } from "./notices.js";
import { waiting } from "./pending.js";
import { Problem, connectAgain, tryAgain } from "./problems.js";
import { inWords, post, visitor } from "./site.js";
import { follow, send } from "./transactions.js";
import { line, voice } from "./voice.js";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pathOf = (form) => new URL(form.action, location.href).pathname;

/** Everything in this form stands still while `work` goes on. */
async function busy(form, button, work) {
  if (form.dataset.sending) return;
  form.dataset.sending = "true";
  button?.setAttribute("aria-busy", "true");
  const others = [...form.elements].filter((element) => element.type === "submit" && !element.disabled);
  for (const other of others) other.disabled = true;
  try {
    await work();
  } finally {
    delete form.dataset.sending;
    button?.removeAttribute("aria-busy");
    for (const other of others) other.disabled = false;
  }
}

async function submit(form, button) {
  const { say, clear } = voice(form);
  const body = new FormData(form);
  if (button?.name) body.set(button.name, button.value);
  const { action, draft, doing = "It", done = "Done." } = { ...form.dataset, action: pathOf(form) };
  clear();
  try {
    stillTheSame();
    say("One moment…");
    const answer = await post(form.action, body);
    if (!answer.ok) {
      say("");
      refused(form, answer);
      return;
    }
    const offer = answer.body;
    await finish(form, offer, await send(offer, { action, draft, doing, done }, say), say);
  } catch (error) {
    trouble(form, button, error);
  }
}

function refused(form, { status, body }) {
  const { fault } = voice(form);
  const { errors = {}, message = "" } = body;
  for (const [name, words] of Object.entries(errors)) fault(name, words.join(" "));
  if (status === 401) fault("", message, { ...connectAgain(), label: "Connect a wallet" });
  else if (message) fault("", message);
  else if (Object.keys(errors).length > 1) fault("", `${Object.keys(errors).length} fields need another look: each says why.`);
  form.querySelector("[aria-invalid=true]")?.focus();
}

function trouble(form, button, error) {
  const { say, clear, fault } = voice(form);
  say("");
  fault("", error.message, error.remedy, async (remedy) => {
    clear();
    try {
      await remedy.run();
      form.requestSubmit(button?.isConnected ? button : null);
    } catch (reason) {
      const { message } = await inWords(reason);
      fault("", message, tryAgain(), () => form.requestSubmit(button));
    }
  });
  if (!(error instanceof Problem)) reportError(error);
}

async function finish(form, { then, draft, done }, receipt, say) {
  forget(form.dataset.draft ?? draft);
  const words = form.dataset.done ?? done;
  say(words);
  announce(words);
  form.dispatchEvent(new CustomEvent("transaction:mined", { bubbles: true, detail: { receipt } }));
  if (then) await arrive(then, say);
  else document.dispatchEvent(new CustomEvent("live:stale"));
}

/** Say something to people who listen to the page. */
function announce(words) {
  const place = document.querySelector("[data-announce]");
  if (place) place.textContent = words;
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

// --- What an earlier page sent

async function takeUp(sent) {
  const form = [...document.querySelectorAll("form[data-transaction]")].find((one) => pathOf(one) === sent.action);
  if (form) {
    await busy(form, null, () => outcome(sent, form, voice(form).say).catch((error) => trouble(form, null, error)));
    return;
  }
  const { say } = line(`sent-${sent.hash}`);
  const about = (words) => say(`${sent.doing}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`, { label: "Go there", href: sent.action.replace(/(vote|queue|execute)\/$/, "") });
  try {
    await outcome(sent, null, about);
    forget(sent.draft);
    say(sent.done, sent.then ? { label: "Look at it", href: sent.then } : null, "success");
    announce(sent.done);
    document.dispatchEvent(new CustomEvent("live:stale"));
  } catch (error) {
    say(`${sent.doing}: ${error.message}`, { label: "Go there", href: sent.action.replace(/(vote|queue|execute)\/$/, "") }, "error");
  }
}

/** Follow a transaction to its end with whichever wallet of this browser is on its chain. */
async function outcome(sent, form, say) {
  let provider = null;
  say("Sent. Waiting for the chain.");
  while (!(provider = await reader(sent.from, sent.chain, sent.demo))) {
    say("Sent before this page was loaded. What became of it shows as soon as your wallet is back on this network.");
    await pause(2000);
  }
  const receipt = await follow(provider, sent, say);
  if (form) await finish(form, sent, receipt, say);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-transaction]")) return;
  event.preventDefault();
  const button = event.submitter;
  busy(form, button, () => submit(form, button));
});

const { address, chain } = visitor();
if (address && chain) for (const sent of waiting(address, chain)) takeUp(sent);
