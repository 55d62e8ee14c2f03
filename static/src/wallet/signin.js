// Connecting: the wallets that this browser announces and, on the private chain, the demo wallets. The person signs
// one message (EIP-4361) that the site wrote for this session.
import { DEMO, announce, demoProvider } from "./demo.js";
import { onWallet, remember, wallets } from "./found.js";
import { tellTabs } from "./notices.js";
import { walletButton } from "./picker.js";
import { DECLINED, Problem, codeOf, wordsFor } from "./problems.js";
import { postJson } from "./site.js";
import { voice } from "./voice.js";

const PATIENCE_MS = 8_000;
const root = document.getElementById("signin");

const hex = (text) => "0x" + [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function ask(url, body) {
  const answer = await postJson(url, body);
  if (!answer.ok) throw new Problem(answer.body.message);
  return answer.body;
}

/** Ask a wallet; a window of it that nobody sees is mentioned after a while. */
async function patiently(name, say, asking, declined) {
  const reminder = setTimeout(() => say(`Still waiting for ${name}. If it is locked or you see no window of it, open it from the browser’s toolbar.`), PATIENCE_MS);
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(codeOf(error) === DECLINED ? declined : (wordsFor(error) ?? `${name} says: ${error?.message ?? "no reason."}`));
  } finally {
    clearTimeout(reminder);
  }
}

async function connect(provider, rdns, name, say) {
  const { messageUrl, verifyUrl, next: wanted } = root.dataset;
  say(`Opening ${name}. Unlock it if it asks.`);
  const accounts = await patiently(name, say, provider.request({ method: "eth_requestAccounts" }), `You declined to connect ${name}. Nothing was signed.`);
  const address = accounts?.[0];
  if (!address) throw new Problem(`${name} shows this page no account. Open it, choose one, then try again.`);
  const { message } = await ask(messageUrl, { address });
  say(`Sign the message in ${name}.`);
  const signature = await patiently(name, say, provider.request({ method: "personal_sign", params: [hex(message), address] }), "You declined to sign. Nothing was signed, and you are not connected.");
  say("Checking the signature…");
  const { next } = await ask(verifyUrl, { message, signature, next: wanted });
  remember(rdns);
  tellTabs(address.toLowerCase());
  say("Connected.");
  location.assign(next);
}

function start() {
  const list = root.querySelector("[data-wallets]");
  const answer = root.querySelector("[data-answer]");
  const { say, clear, fault } = voice(root);
  let connecting = false;

  async function pressed(button, provider, rdns, name) {
    if (connecting) return;
    connecting = true;
    clear();
    button.closest("li").append(answer); // what is said stands under the wallet that says it
    button.setAttribute("aria-busy", "true");
    try {
      await connect(provider, rdns, name, say);
    } catch (error) {
      say("");
      fault("", error.message, error.remedy);
      button.focus();
      if (!(error instanceof Problem)) reportError(error);
    } finally {
      connecting = false;
      button.removeAttribute("aria-busy");
    }
  }

  function add({ info, provider }) {
    if (info.rdns?.startsWith(DEMO)) return; // those stand below, by name
    list.append(walletButton(info, (button) => pressed(button, provider, info.rdns, info.name)));
    list.hidden = false;
    root.querySelector("[data-no-wallet]").hidden = true;
  }

  const demos = [...root.querySelectorAll("[data-demo]")];
  for (const button of demos) {
    const { demo: address, name } = button.dataset;
    button.addEventListener("click", () => pressed(button, demoProvider(address), DEMO + address, name));
  }
  announce(demos.map(({ dataset }) => ({ address: dataset.demo, name: dataset.name })));
  onWallet(add);
  wallets().then((found) => {
    if (list.children.length) return;
    if (found.length) add(found[0]);
    else root.querySelector("[data-no-wallet]").hidden = false;
  });
}

if (root) start();
