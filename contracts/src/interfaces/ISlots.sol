// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ISlots
/// @notice Named places in an immutable contract where replaceable parts are plugged in.
interface ISlots {
    /// @notice A slot holds `current` from now on.
    event SlotSet(bytes32 indexed slot, address previous, address current);

    /// @notice This contract has no slot of that name.
    error UnknownSlot(bytes32 name);

    /// @notice The slot can't be emptied, needs a contract and got an address without code, or is empty.
    error InvalidSlot(bytes32 name, address part);

    /// @notice What is plugged into a slot; zero when nothing is, or when there is no such slot.
    function slot(bytes32 name) external view returns (address);
}
