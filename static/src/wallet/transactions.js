// A transaction, from the site's offer to its receipt. Every way it can end is told apart.
import { providerFor, same, usesDemo } from "./found.js";
import { onChain } from "./network.js";
import { keep, settle } from "./pending.js";
import { Problem, isPoor, revertData, tryAgain } from "./problems.js";
import { inWords } from "./site.js";

const LOST_AFTER_MS = 30_000; // a node that has not known a transaction for so long has dropped it
const SLOW_AFTER_MS = 30_000;
const REMIND_AFTER_MS = 12_000;
const LOOK_BACK = 40; // blocks to search for what took a transaction's place

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hex = (number) => `0x${number.toString(16)}`;

/** Hand the site's offer to the person's wallet and follow it; resolves with the receipt. Throws a Problem. */
export async function send(offer, about, say) {
  const request = { from: offer.from, ...offer.transaction };
  let sent;
  let provider;
  try {
    provider = await providerFor(offer.from, offer.demo, say);
    await onChain(provider, offer, say);
    say("Trying it out…");
    await rehearse(provider, request);
    const [nonce, block] = await Promise.all([count(provider, offer.from, "pending"), head(provider)]);
    say(usesDemo(offer.demo) ? "Signing…" : "Confirm it in your wallet.");
    const reminder = setTimeout(() => say("Still waiting for your wallet. If you see no window of it, open it from the browser’s toolbar."), REMIND_AFTER_MS);
    try {
      const hash = await provider.request({ method: "eth_sendTransaction", params: [request] });
      sent = { hash, nonce, block, request, from: offer.from, chain: offer.chain, demo: usesDemo(offer.demo), then: offer.then, ...about };
    } finally {
      clearTimeout(reminder);
    }
  } catch (error) {
    throw isPoor(error) ? await poor(provider, request) : await inWords(error);
  }
  keep(sent);
  return follow(provider, sent, say);
}

/** Wait until what was sent is mined or can't be any more. Throws a Problem; nothing is pending afterwards. */
export async function follow(provider, sent, say) {
  try {
    const receipt = await mined(provider, sent, say);
    if (!same(receipt.status, "0x0")) return receipt;
    throw await failure(provider, sent, receipt);
  } finally {
    settle(sent);
  }
}

/** Try it without sending. What would revert is refused here, with its reason and without a fee. */
async function rehearse(provider, request) {
  try {
    await provider.request({ method: "eth_estimateGas", params: [request, "pending"] });
  } catch (error) {
    if (revertData(error) || isPoor(error) || error?.code === 3) throw error;
    // otherwise this wallet just does not offer it; the chain has the last word anyway
  }
}

const count = (provider, from, tag) => provider.request({ method: "eth_getTransactionCount", params: [from, tag] }).then(Number, () => null);
const head = (provider) => provider.request({ method: "eth_blockNumber" }).then(Number, () => null);

async function mined(provider, sent, say) {
  const ask = (method, ...params) => provider.request({ method, params });
  const started = Date.now();
  let seen = started;
  say("Sent. Waiting for the chain.");
  for (let wait = 250, silent = 0; ; wait = Math.min(wait * 1.3, 3000)) {
    try {
      const receipt = await ask("eth_getTransactionReceipt", sent.hash);
      if (receipt) return receipt;
      const known = await ask("eth_getTransactionByHash", sent.hash);
      if (known?.nonce) sent.nonce = Number(known.nonce);
      if (sent.nonce !== null && Number(await ask("eth_getTransactionCount", sent.from, "latest")) > sent.nonce) return await successor(ask, sent, say);
      if (known) seen = Date.now();
      silent = 0;
      if (Date.now() - started > SLOW_AFTER_MS) say("Sent. The chain is slow; this can take a while. You may leave the page: it is looked for again when you come back.");
    } catch (error) {
      if (error.final) throw error;
      silent += 1;
      seen = Date.now(); // nothing can be said while nobody answers
      if (silent === 3) say("Sent. The network does not answer right now; still trying. You may leave the page: it is looked for again when you come back.");
    }
    if (Date.now() - seen > LOST_AFTER_MS) throw final("The network does not know this transaction any more: it was dropped, and nothing was counted. You can send it again; nothing you typed is lost.", tryAgain("Send it again"));
    await pause(wait);
  }
}

const final = (words, remedy) => Object.assign(new Problem(words, remedy), { final: true });

/** The account's next nonce is past ours: what was mined in its place? */
async function successor(ask, sent, say) {
  await pause(300); // it may have been mined between two questions
  const own = await ask("eth_getTransactionReceipt", sent.hash);
  if (own) return own;
  const other = await withNonce(ask, sent);
  if (!other) throw final("Another transaction of your account took this one’s place. Look in your wallet what became of it; if nothing was counted here, try again.", tryAgain("Send it again"));
  if (same(other.to, sent.request.to) && same(other.input ?? other.data, sent.request.data)) {
    say("You sped it up in your wallet. Waiting for the chain.");
    for (;;) {
      const receipt = await ask("eth_getTransactionReceipt", other.hash);
      if (receipt) return Object.assign(receipt, { replaced: sent.hash });
      await pause(500);
    }
  }
  if (same(other.to, sent.from) && Number(other.value) === 0) throw final("You cancelled it in your wallet. Nothing was counted, and nothing you typed is lost.", tryAgain("Send it again"));
  throw final("Another transaction of your account took this one’s place: nothing was counted here. You can send it again; nothing you typed is lost.", tryAgain("Send it again"));
}

async function withNonce(ask, sent) {
  const newest = Number(await ask("eth_blockNumber"));
  const oldest = Math.max(sent.block ?? 0, newest - LOOK_BACK, 0);
  for (let number = newest; number >= oldest; number -= 1) {
    const block = await ask("eth_getBlockByNumber", hex(number), true);
    const found = block?.transactions?.find?.(({ from, nonce }) => same(from, sent.from) && Number(nonce) === sent.nonce);
    if (found) return found;
  }
  return null;
}

/** Mined, and reverted: ask again for the reason, as of the block it failed in. */
async function failure(provider, sent, receipt) {
  const transaction = await provider.request({ method: "eth_getTransactionByHash", params: [receipt.transactionHash ?? sent.hash] }).catch(() => null);
  const limit = Number(transaction?.gas ?? 0);
  const spent = Number(receipt.gasUsed);
  if (limit && spent >= limit * 0.98) {
    return new Problem(`It was mined, but it ran out of gas: all of its ${limit.toLocaleString("en")} were used up. Send it again and leave the gas limit to your wallet.`, tryAgain("Send it again"));
  }
  try {
    await provider.request({ method: "eth_call", params: [sent.request, receipt.blockNumber] });
  } catch (error) {
    const { message } = await inWords(error);
    return new Problem(`It was mined, but the contract refused it. ${message}`);
  }
  return new Problem("It was mined, but it failed, and the reason has passed meanwhile. You can send it again.", tryAgain("Send it again"));
}

/** Too little ether: how much there is, and about how much it takes. */
async function poor(provider, request) {
  const ask = (method, ...params) => provider.request({ method, params }).then(BigInt, () => null);
  const [has, price, gas] = await Promise.all([ask("eth_getBalance", request.from, "latest"), ask("eth_gasPrice"), ask("eth_estimateGas", request, "pending")]);
  const needs = price !== null && gas !== null ? ` It takes about ${ether(price * gas)} ETH;` : "";
  const holds = has !== null ? ` this account has ${ether(has)} ETH.` : "";
  return new Problem(`This account has too little ether to pay for the transaction.${needs}${holds}${needs || holds ? "" : " Send it some, then try again."} Nothing you typed is lost.`);
}

/** Wei as ether with four digits that count: 0.00002134. */
function ether(wei) {
  const amount = Number(wei) / 1e18;
  return amount === 0 ? "0" : amount.toLocaleString("en", { maximumSignificantDigits: 4, maximumFractionDigits: 18 });
}
