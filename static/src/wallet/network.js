// The right network, before anything is signed.
import { DECLINED, Problem, UNKNOWN_CHAIN, UNSUPPORTED, codeOf, tryAgain } from "./problems.js";

/** Bring the wallet to the offer's chain. Throws a Problem that says what to do, or the wallet's own error. */
export async function onChain(provider, { chain, network }, say) {
  const at = async () => Number(await provider.request({ method: "eth_chainId" }));
  const here = Number(chain);
  const place = `${network.name} (chain ${here})`;
  const was = await at();
  if (was === here) return;
  say(`Your wallet is on chain ${was}. Confirm the change to ${network.name} there.`);
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: chain }] });
  } catch (error) {
    const code = codeOf(error);
    if (code === UNKNOWN_CHAIN) throw unknown(provider, chain, network, place);
    if (code === UNSUPPORTED || code === -32601) throw new Problem(`Your wallet cannot change networks by itself. Choose ${place} in it, then try again.`, tryAgain());
    if (code === DECLINED) {
      throw new Problem(`Your wallet is on chain ${was}, and this artwork lives on ${place}. You declined to switch: nothing was sent, and nothing you typed is lost.`, tryAgain("Switch the network"));
    }
    throw error;
  }
  if ((await at()) !== here) throw new Problem(`Your wallet is still on another network. Switch it to ${place}, then try again.`, tryAgain());
}

function unknown(provider, chain, network, place) {
  const words = `Your wallet does not know this network yet: ${place}.`;
  if (!network.rpc.length) return new Problem(`${words} Add it in your wallet, then try again.`, tryAgain());
  const add = {
    chainId: chain,
    chainName: network.name,
    rpcUrls: network.rpc,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  };
  return new Problem(words, {
    label: "Add it to the wallet",
    run: () => provider.request({ method: "wallet_addEthereumChain", params: [add] }),
  });
}
