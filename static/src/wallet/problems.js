// What can go wrong, in words. A Problem is something for the person to read, with what they can do about it.

/** `remedy` is `{label, href}`, or `{label, run}`: after `run` has done its work, what failed is tried again. */
export class Problem extends Error {
  constructor(message, remedy = null) {
    super(message);
    this.remedy = remedy;
  }
}

export const DECLINED = 4001;
export const UNKNOWN_CHAIN = 4902;
export const UNSUPPORTED = 4200;
const KEPT = "Nothing was sent, and nothing you typed is lost.";
// EIP-1193, EIP-1474 and what wallets made of them.
const WORDS = {
  [DECLINED]: `You declined in your wallet. ${KEPT}`,
  4100: "Your wallet does not let this page use the account. Allow it there, then try again.",
  [UNSUPPORTED]: "Your wallet cannot do this. Another wallet can.",
  4900: "Your wallet is not connected to any network right now. Look at its connection, then try again.",
  4901: "Your wallet is not connected to this network right now. Look at its connection, then try again.",
  [-32002]: "Your wallet is asking you something already. Open it and answer, then try again.",
  [-32005]: "Too many requests. Please wait a minute, then try again.",
  [-32601]: "Your wallet cannot do this. Another wallet can.",
};

export const signInUrl = () => `/signin/?next=${encodeURIComponent(location.pathname + location.search)}`;
export const connectAgain = () => ({ label: "Connect again", href: signInUrl() });
export const tryAgain = (label = "Try again") => ({ label, run: async () => {} });
export const reload = () => ({ label: "Reload the page", href: location.pathname + location.search });

/** The code that says most: wallets wrap the node's errors in their own. */
export function codeOf(error) {
  const inner = error?.data?.originalError?.code ?? error?.data?.cause?.code;
  if (Number.isInteger(inner)) return inner;
  if (/unrecognized chain|wallet_addEthereumChain/i.test(error?.message ?? "")) return UNKNOWN_CHAIN;
  return error?.code ?? null;
}

/** The sentence for a code that means the same everywhere, or null. */
export const wordsFor = (error) => WORDS[codeOf(error)] ?? null;

/** The bytes a contract reverted with, wherever this wallet puts them; null where it was no revert. */
export function revertData(error) {
  for (let at = error, depth = 0; at && depth < 6; depth += 1) {
    if (typeof at === "string") return at.match(/0x(?:[0-9a-fA-F]{2}){4,}/)?.[0] ?? null;
    if (typeof at !== "object") return null;
    at = at.data ?? at.originalError ?? at.error ?? at.cause ?? null;
  }
  return null;
}

export const isPoor = (error) => /insufficient (funds|balance)|not enough (funds|ether)|exceeds? (the )?balance/i.test(messageOf(error));

export const messageOf = (error) => [error?.message, error?.data?.message, error?.data?.originalError?.message].filter(Boolean).join(" ");
