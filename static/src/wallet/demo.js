// A demo wallet: an EIP-1193 provider that passes requests to this site, which has the private chain's own
// accounts sign them. There is no key in the page, and on any other chain the site refuses.
import { Problem } from "./problems.js";
import { postJson } from "./site.js";

export const DEMO = "demo.murmuration.";

class DemoProvider extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
  }

  async request({ method, params = [] }) {
    const { ok, body } = await postJson("/demo-wallet/rpc/", { account: this.address, method, params });
    if (body.error) throw Object.assign(new Error(body.error.message), body.error);
    if (!ok) throw new Problem(body.message ?? "The demo wallet does not answer. Please reload the page.");
    return body.result;
  }

  on(name, listener) {
    this.addEventListener(name, listener);
  }

  removeListener(name, listener) {
    this.removeEventListener(name, listener);
  }
}

const providers = new Map();

export function demoProvider(address) {
  const key = address.toLowerCase();
  if (!providers.has(key)) providers.set(key, new DemoProvider(key));
  return providers.get(key);
}

/** Announce demo wallets as EIP-6963 wants it, now and whenever somebody asks. */
export function announce(accounts) {
  const icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><circle cx='4.5' cy='4.5' r='3' fill='%23b3401c'/></svg>";
  const tell = () => {
    for (const { address, name } of accounts) {
      const info = Object.freeze({ uuid: address, name: `${name} (demo)`, icon, rdns: DEMO + address });
      const detail = Object.freeze({ info, provider: demoProvider(address) });
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    }
  };
  window.addEventListener("eip6963:requestProvider", tell);
  tell();
}
