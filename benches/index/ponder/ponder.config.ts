import { createConfig } from "ponder";
import { governor } from "./governor";

// Ponder asks one address at most twenty times a second at first, and ever a little more often as long as it
// answers. It does so for each address that it is given, so it is given the node's as often as lifts the limit.
const ADDRESSES = 32;

export default createConfig({
  ordering: "omnichain",
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL },
  chains: {
    local: {
      id: 31337,
      rpc: Array<string>(ADDRESSES).fill(process.env.BENCH_RPC_URL!),
      disableCache: true, // a local node: what it answered need not be kept to save requests
      ethGetLogsBlockRange: 1000,
    },
  },
  contracts: {
    Governor: {
      abi: governor,
      chain: "local",
      address: process.env.BENCH_GOVERNOR as `0x${string}`,
      startBlock: Number(process.env.BENCH_FIRST),
    },
  },
});
