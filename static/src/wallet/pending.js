// What was sent and is not mined yet, kept in this tab by chain and account: a reload or another page takes it up
// again. Each entry: {hash, nonce, block, from, chain, demo, request, action, draft, doing, done, then}.
const PREFIX = "murmuration.sent.";

const key = ({ chain, from }) => `${PREFIX}${Number(chain)}.${from.toLowerCase()}`;

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "[]");
  } catch {
    return []; // storage is switched off, or holds something else: there is nothing to take up
  }
}

function write(name, entries) {
  try {
    if (entries.length) sessionStorage.setItem(name, JSON.stringify(entries));
    else sessionStorage.removeItem(name);
  } catch {
    // storage is switched off: the transaction is followed as long as the page lives
  }
}

export function keep(sent) {
  const others = read(key(sent)).filter(({ hash }) => hash !== sent.hash);
  write(key(sent), [...others, sent]);
}

export function settle(sent) {
  write(key(sent), read(key(sent)).filter(({ hash }) => hash !== sent.hash));
}

/** What this account still waits for on this chain. */
export const waiting = (from, chain) => read(key({ from, chain }));
