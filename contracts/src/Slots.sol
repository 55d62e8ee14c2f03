// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "./Governed.sol";
import {ISlots} from "./interfaces/ISlots.sol";

/// @title Slots
/// @notice Named places in an immutable contract where replaceable parts are plugged in by vote.
/// @dev A slot's name is its ASCII text, left-aligned in 32 bytes. Each change is an event, so that a mirror
/// can follow the parts by address and block.
abstract contract Slots is Governed, ISlots {
    /// @dev What is plugged in now; zero when nothing is.
    mapping(bytes32 name => address part) private _slots;

    /// @notice Plugs `part` into the slot `name`. Only the governance.
    /// @param name the slot's name.
    /// @param part the new part; zero unplugs a part that the contract can do without.
    function setSlot(bytes32 name, address part) external virtual onlyGovernance {
        _setSlot(name, part);
    }

    /// @inheritdoc ISlots
    function slot(bytes32 name) public view returns (address) {
        return _slots[name];
    }

    /// @dev Checks and records a change of a slot.
    function _setSlot(bytes32 name, address part) internal virtual {
        _checkSlot(name, part);
        emit SlotSet(name, _slots[name], part);
        _slots[name] = part;
    }

    /// @dev Reverts when the contract has no slot `name`, or when it can't hold `part`.
    function _checkSlot(bytes32 name, address part) internal view virtual;
}
