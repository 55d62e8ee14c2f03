// The wallets in this browser, and which of them speaks for an account.
import { DEMO, demoProvider } from "./demo.js";
import { choose } from "./picker.js";
import { Problem, connectAgain } from "./problems.js";

const CHOICE = "murmuration.wallet";
const ANNOUNCED_MS = 600; // wallets announce themselves at once; slow pages get this long
const found = new Map(); // uuid -> {info, provider}
const listeners = new Set();

export const same = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();
export const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;

window.addEventListener("eip6963:announceProvider", ({ detail }) => {
  if (!detail?.info?.uuid || typeof detail.provider?.request !== "function") return;
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

/** All real wallets, after a moment for them to turn up; an old one only leaves its provider on the window. */
export async function wallets() {
  const real = () => [...found.values()].filter(({ info }) => !info.rdns?.startsWith(DEMO));
  for (let waited = 0; !real().length && waited < ANNOUNCED_MS; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
  if (real().length || typeof window.ethereum?.request !== "function") return real();
  return [{ info: { rdns: "", name: "Browser wallet", icon: "" }, provider: window.ethereum }];
}

/** Remember which wallet signed in: it is asked first from then on. */
export function remember(rdns) {
  try {
    localStorage.setItem(CHOICE, rdns);
  } catch {
    // storage is switched off: every wallet is asked then
  }
}

export function remembered() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

/** The accounts that a wallet shows this page without asking anybody; none where it is locked or unplugged. */
export const accountsOf = (provider) => provider.request({ method: "eth_accounts" }).catch(() => []);

const shows = (accounts, address) => accounts.some((account) => same(account, address));

/** Whether the demo wallet speaks for an account that has one: unless another wallet signed in. */
export const usesDemo = (isDemo) => isDemo && (remembered() ?? DEMO).startsWith(DEMO);

/** The provider that speaks for `address`; a locked wallet is asked to open. Throws a Problem or the wallet's error. */
export async function providerFor(address, isDemo, say) {
  const first = remembered();
  if (usesDemo(isDemo)) return demoProvider(address);
  const seen = await Promise.all((await wallets()).map(async (wallet) => ({ ...wallet, accounts: await accountsOf(wallet.provider) })));
  if (!seen.length) throw new Problem("The wallet you connected with is not in this browser any more.", connectAgain());
  const holding = seen.filter(({ accounts }) => shows(accounts, address));
  const usual = holding.find(({ info }) => info.rdns === first);
  if (usual) return usual.provider;
  if (holding.length) return (holding.length > 1 ? await choose(holding, "Which wallet shall sign?") : holding[0]).provider;
  const asked = seen.find(({ info }) => info.rdns === first) ?? (seen.length === 1 ? seen[0] : await choose(seen, `Which wallet holds ${short(address)}?`));
  let { accounts } = asked;
  if (!accounts.length) {
    say(`Unlock ${asked.info.name}.`);
    accounts = (await asked.provider.request({ method: "eth_requestAccounts" })) ?? [];
    if (shows(accounts, address)) return asked.provider;
  }
  throw new Problem(mismatch(accounts[0], address), connectAgain());
}

export const mismatch = (other, address) =>
  other
    ? `Your wallet shows the account ${short(other)}, but you are connected here as ${short(address)}. Choose that account in your wallet, or connect again.`
    : `Your wallet shows this page no account. Open it and allow ${short(address)}, or connect again.`;

/** Any provider on the chain that can say what became of a transaction; asks nobody. Null if there is none. */
export async function reader(address, chain, isDemo) {
  if (isDemo) return demoProvider(address);
  for (const { provider } of await wallets()) {
    const at = await provider.request({ method: "eth_chainId" }).catch(() => null);
    if (at !== null && Number(at) === Number(chain)) return provider;
  }
  return null;
}
