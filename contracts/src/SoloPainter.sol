// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "./Governed.sol";
import {ILivingArtwork} from "./interfaces/ILivingArtwork.sol";
import {IPainter} from "./interfaces/IPainter.sol";
import {Result} from "./libraries/Commitments.sol";

/// @title SoloPainter
/// @notice The simplest painting authority: one operator, named by vote, whose word is the result.
/// @dev It can't choose the recipe or the seed, and anybody can repaint the recipe and compare; but nobody is
/// bonded: `WorkerSet` is the authority that nobody has to trust.
contract SoloPainter is Governed, IPainter {
    /// @notice The artwork that is painted.
    ILivingArtwork public immutable artwork;

    /// @notice Who paints; nobody, and no epoch is sealed, while it is zero.
    address public operator;

    /// @notice Another operator paints from now on.
    event OperatorSet(address indexed previous, address indexed current);

    /// @notice The caller isn't the operator.
    error NotOperator(address caller);

    /// @notice The caller isn't the artwork.
    error NotArtwork(address caller);

    /// @param governance_ the timelock.
    /// @param artwork_ the artwork; may have no code yet, since its address is computed in advance.
    /// @param operator_ who paints first.
    constructor(address governance_, ILivingArtwork artwork_, address operator_) Governed(governance_) {
        if (address(artwork_) == address(0)) revert ZeroAddress();
        artwork = artwork_;
        _setOperator(operator_);
    }

    /// @notice Names another operator; zero to have nobody paint. Only the governance.
    function setOperator(address operator_) external onlyGovernance {
        _setOperator(operator_);
    }

    /// @notice Anchors the result of an epoch. Only the operator.
    /// @return generation the number of the new generation.
    function anchor(uint256 epoch, Result calldata result) external returns (uint256 generation) {
        _checkOperator();
        return artwork.anchor(epoch, result, msg.sender);
    }

    /// @notice Reports a dispute over a generation, for everybody to see. Only the operator.
    function dispute(uint256 generation, bytes32 reason) external {
        _checkOperator();
        artwork.dispute(generation, reason);
    }

    /// @inheritdoc IPainter
    function ready() external view returns (bool) {
        return operator != address(0);
    }

    /// @inheritdoc IPainter
    /// @dev A single operator has nothing to freeze.
    function epochSealed(uint256) external view {
        _checkArtwork();
    }

    /// @inheritdoc IPainter
    /// @dev A single operator follows the artwork's own event; there is nobody else to tell.
    function roundOpened(uint256, uint256, uint48, bytes32) external view {
        _checkArtwork();
    }

    /// @inheritdoc IPainter
    /// @dev A single operator may come with a result up to the deadline.
    function roundOver(uint256) external pure returns (bool) {
        return false;
    }

    /// @dev Records the operator.
    function _setOperator(address operator_) private {
        emit OperatorSet(operator, operator_);
        operator = operator_;
    }

    /// @dev Reverts unless the artwork calls.
    function _checkArtwork() private view {
        if (msg.sender != address(artwork)) revert NotArtwork(msg.sender);
    }

    /// @dev Reverts unless the operator calls.
    function _checkOperator() private view {
        if (msg.sender != operator) revert NotOperator(msg.sender);
    }
}
