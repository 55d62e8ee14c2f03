// The wallet that signed in may change its account, its network or its mind while a page is open: the page says so.
import { DEMO } from "./demo.js";
import { accountsOf, mismatch, onWallet, remembered, same } from "./found.js";
import { Problem, connectAgain, reload } from "./problems.js";
import { visitor } from "./site.js";
import { line } from "./voice.js";

const SESSION = "murmuration.session";
const { address, chain } = visitor();
const signingIn = Boolean(document.getElementById("signin"));
const account = line("wallet-account");
const network = line("wallet-network");

function accountsAre(accounts) {
  if (accounts.some((one) => same(one, address))) account.clear();
  else account.say(mismatch(accounts[0], address), connectAgain());
}

function networkIs(id) {
  if (Number(id) === chain) network.clear();
  else network.say(`Your wallet is on another network now (chain ${Number(id)}). It will be asked to come back when you send something.`);
}

function listen({ info, provider }) {
  if (info.rdns !== remembered()) return;
  // On load only another account is worth a word: a locked wallet is asked to open when it is needed.
  accountsOf(provider).then((accounts) => accounts.length && accountsAre(accounts));
  provider.on?.("accountsChanged", accountsAre);
  provider.on?.("chainChanged", networkIs);
  provider.on?.("disconnect", () => network.say("Your wallet has lost its connection to the network. Look at it before you send something."));
  provider.on?.("connect", () => network.clear());
}

if (address && !signingIn && !remembered()?.startsWith(DEMO)) onWallet(listen);

// Other tabs of the same session hear of it when somebody connects or disconnects in this one.
export function tellTabs(who) {
  try {
    localStorage.setItem(SESSION, `${who} ${Date.now()}`);
  } catch {
    // storage is switched off: the other tabs find out when they send something
  }
}

let elsewhere = "";

/** Throws a Problem when another tab has changed who this session belongs to: the page is not this person's any more. */
export function stillTheSame() {
  if (elsewhere) throw new Problem(`${elsewhere} Reload this page: what you typed is kept.`, reload());
}

addEventListener("storage", ({ key, newValue }) => {
  if (key !== SESSION) return;
  const who = (newValue ?? "").split(" ")[0];
  if (who === address) elsewhere = "";
  else elsewhere = who ? "You have connected with another wallet in another tab." : "You have disconnected in another tab.";
  if (elsewhere) account.say(elsewhere, reload());
  else account.clear();
});
document.addEventListener("submit", ({ target }) => target.matches("[data-signout]") && tellTabs(""));
