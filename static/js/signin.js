// Connecting: the wallets that this browser announces (EIP-6963) and, on the private chain, the demo wallets.
// The person signs one message (EIP-4361) that the site wrote for this session.
import { DEMO, announce, demoProvider } from "./demo-wallet.js";
import { Problem, onWallet, post, remember } from "./wallet.js";

const root = document.getElementById("signin");
const list = root.querySelector("[data-wallets]");
const progress = root.querySelector("[data-progress]");
const fault = root.querySelector('[data-fault=""]');
let connecting = false;

const hex = (text) => "0x" + [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function ask(url, body) {
  const answer = await post(url, JSON.stringify(body), "application/json");
  if (!answer.ok) throw new Problem(answer.body.message);
  return answer.body;
}

async function connect(provider, rdns, name) {
  const [address] = await provider.request({ method: "eth_requestAccounts" });
  if (!address) throw new Problem(`${name} gave no account.`);
  const { message } = await ask(root.dataset.messageUrl, { address });
  progress.textContent = `Sign the message in ${name}.`;
  const signature = await provider.request({ method: "personal_sign", params: [hex(message), address] });
  const { next } = await ask(root.dataset.verifyUrl, { message, signature, next: root.dataset.next });
  remember(rdns);
  progress.textContent = "Connected.";
  location.assign(next);
}

async function pressed(button, provider, rdns, name) {
  if (connecting) return;
  connecting = true;
  fault.textContent = "";
  progress.textContent = `Opening ${name}…`;
  button.setAttribute("aria-busy", "true");
  try {
    await connect(provider, rdns, name);
  } catch (error) {
    progress.textContent = "";
    fault.textContent = error.code === 4001 ? "You declined. Nothing was signed." : error.message;
    button.focus();
  } finally {
    connecting = false;
    button.removeAttribute("aria-busy");
  }
}

function add({ info, provider }) {
  if (info.rdns?.startsWith(DEMO)) return; // those stand below, by name
  const button = document.createElement("button");
  button.type = "button";
  if (/^data:image\//.test(info.icon ?? "")) button.append(Object.assign(new Image(), { src: info.icon, alt: "" }));
  button.append(Object.assign(document.createElement("span"), { textContent: info.name }));
  button.addEventListener("click", () => pressed(button, provider, info.rdns, info.name));
  const item = document.createElement("li");
  item.append(button);
  list.append(item);
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

// Wallets announce themselves at once; an old one only leaves its provider on the window.
setTimeout(() => {
  if (list.children.length) return;
  if (window.ethereum?.request) add({ info: { name: "Browser wallet", rdns: "" }, provider: window.ethereum });
  else root.querySelector("[data-no-wallet]").hidden = false;
}, 600);
