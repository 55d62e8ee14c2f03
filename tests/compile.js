// Compiles a contract that only tests use, beside its source:
//   node tests/compile.js tests/chain/fixtures/Emitter.sol tests/governance/fixtures/ContractWallet.sol
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

for (const file of process.argv.slice(2)) {
  const source = path.basename(file);
  const contractName = path.basename(file, ".sol");
  const input = {
    language: "Solidity",
    sources: { [source]: { content: fs.readFileSync(file, "utf8") } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: "none" },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  for (const problem of output.errors || []) {
    if (problem.severity === "error") throw new Error(problem.formattedMessage);
  }
  const { abi, evm } = output.contracts[source][contractName];
  const artifact = { abi, bytecode: "0x" + evm.bytecode.object, contractName };
  fs.writeFileSync(file.replace(/\.sol$/, ".json"), JSON.stringify(artifact, null, 1) + "\n");
}
