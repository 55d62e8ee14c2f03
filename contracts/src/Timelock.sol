// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// The timelock is OpenZeppelin's, unchanged; this import makes it one of the contracts that are built.
// forge-lint: disable-next-line(unused-import)
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
