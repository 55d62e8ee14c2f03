// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {
    GovernorCountingSimple
} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {
    GovernorPreventLateQuorum
} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {
    GovernorTimelockControl
} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title ArtGovernor
/// @notice The voice of the collectors: they propose, vote, and a timelock carries out what passed.
///
/// The quorum is a share of the votes that exist, rounded up, and never less than a fixed number of votes. A
/// guardian, if one is named at deployment, may cancel proposals until a set time, and can do nothing else.
/// @dev OpenZeppelin's Governor with its usual extensions. The clock is the token's, the timestamp.
contract ArtGovernor is
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorPreventLateQuorum,
    GovernorTimelockControl
{
    using Checkpoints for Checkpoints.Trace208;

    /// @notice What a governor starts with.
    /// @param token the token whose holders vote.
    /// @param timelock who carries out what passed; may have no code yet.
    /// @param votingDelay seconds from proposal to snapshot, at least 1.
    /// @param votingPeriod seconds that a vote lasts.
    /// @param proposalThreshold votes that a proposer needs.
    /// @param quorumPercent share of all votes that makes a quorum, in percent.
    /// @param minVotes votes that make a quorum at the least, at least 1.
    /// @param lateExtension seconds that a vote stays open after a late quorum.
    /// @param guardian who may cancel; zero for nobody.
    /// @param guardianUntil when the guardian's power ends.
    struct Config {
        IVotes token;
        TimelockController timelock;
        uint48 votingDelay;
        uint32 votingPeriod;
        uint256 proposalThreshold;
        uint256 quorumPercent;
        uint256 minVotes;
        uint48 lateExtension;
        address guardian;
        uint48 guardianUntil;
    }

    /// @notice Who may cancel proposals until `guardianUntil`; zero for nobody.
    address public immutable guardian;

    /// @notice When the guardian's power ends.
    uint48 public immutable guardianUntil;

    Checkpoints.Trace208 private _minVotesHistory;

    /// @dev True while a vote is counted that comes late, on a proposal without a quorum: it may extend the vote.
    bool private transient _mayExtend;

    /// @notice The least number of votes that makes a quorum changed.
    event MinVotesUpdated(uint256 oldMinVotes, uint256 newMinVotes);

    /// @notice The least quorum must be at least one vote, and within the votes that exist.
    error InvalidMinVotes(uint256 minVotes);

    /// @notice The voting delay must be at least a second, so that a snapshot lies after the proposal.
    error InvalidVotingDelay(uint48 votingDelay);

    /// @param config what the governor starts with.
    constructor(Config memory config)
        Governor("Murmuration Governor")
        GovernorSettings(config.votingDelay, config.votingPeriod, config.proposalThreshold)
        GovernorVotes(config.token)
        GovernorVotesQuorumFraction(config.quorumPercent)
        GovernorPreventLateQuorum(config.lateExtension)
        GovernorTimelockControl(config.timelock)
    {
        if (config.minVotes == 0) {
            revert InvalidMinVotes(config.minVotes);
        }
        guardian = config.guardian;
        guardianUntil = config.guardianUntil;
        _updateMinVotes(config.minVotes);
    }

    // ------------------------------------------------------------------------------------------------ quorum

    /// @notice Votes that make a quorum at a time: the share of the votes that exist, rounded up, and at least
    /// `minVotes`.
    function quorum(uint256 timepoint)
        public
        view
        override(Governor, GovernorVotesQuorumFraction)
        returns (uint256)
    {
        uint256 share = Math.mulDiv(
            token().getPastTotalSupply(timepoint),
            quorumNumerator(timepoint),
            quorumDenominator(),
            Math.Rounding.Ceil
        );
        return Math.max(minVotes(timepoint), share);
    }

    /// @notice The least number of votes that makes a quorum now.
    function minVotes() external view returns (uint256) {
        return _minVotesHistory.latest();
    }

    /// @notice The least number of votes that made a quorum at a time.
    function minVotes(uint256 timepoint) public view returns (uint256) {
        return _minVotesHistory.upperLookupRecent(SafeCast.toUint48(timepoint));
    }

    /// @notice Changes the least number of votes that makes a quorum. Only by a proposal.
    /// @dev More votes than exist would be a quorum that nobody could reach.
    function updateMinVotes(uint256 newMinVotes) external onlyGovernance {
        if (newMinVotes == 0 || newMinVotes > token().getPastTotalSupply(clock() - 1)) {
            revert InvalidMinVotes(newMinVotes);
        }
        _updateMinVotes(newMinVotes);
    }

    /// @dev Records the least number of votes.
    function _updateMinVotes(uint256 newMinVotes) private {
        (uint208 oldMinVotes,) = _minVotesHistory.push(clock(), SafeCast.toUint208(newMinVotes));
        emit MinVotesUpdated(oldMinVotes, newMinVotes);
    }

    // ------------------------------------------------------------------------------------------- late quorum

    /// @inheritdoc GovernorCountingSimple
    /// @dev A quorum that is reached early extends nothing. Only for a late vote is it worth knowing whether there
    /// was one before: every other vote is spared two reckonings of the quorum and a note that there is one.
    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256 totalWeight,
        bytes memory params
    ) internal override(Governor, GovernorCountingSimple) returns (uint256) {
        _mayExtend = clock() + lateQuorumVoteExtension() > Governor.proposalDeadline(proposalId)
            && !_quorumReached(proposalId);
        return super._countVote(proposalId, account, support, totalWeight, params);
    }

    /// @inheritdoc GovernorPreventLateQuorum
    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        if (_mayExtend) super._tallyUpdated(proposalId);
    }

    // ---------------------------------------------------------------------------------------------- guardian

    /// @dev The proposer may cancel while a proposal is pending; the guardian at any time before its own end.
    function _validateCancel(uint256 proposalId, address caller) internal view override returns (bool) {
        if (caller == guardian && block.timestamp < guardianUntil) return true;
        return super._validateCancel(proposalId, caller);
    }

    /// @dev A snapshot in the proposal's own second could be voted on with borrowed tokens.
    function _setVotingDelay(uint48 newVotingDelay) internal override {
        if (newVotingDelay == 0) revert InvalidVotingDelay(newVotingDelay);
        super._setVotingDelay(newVotingDelay);
    }

    // ----------------------------------------------------------------- what several of the extensions answer

    /// @inheritdoc Governor
    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    /// @inheritdoc Governor
    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    /// @inheritdoc Governor
    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    /// @inheritdoc Governor
    function proposalDeadline(uint256 proposalId)
        public
        view
        override(Governor, GovernorPreventLateQuorum)
        returns (uint256)
    {
        return super.proposalDeadline(proposalId);
    }

    /// @inheritdoc GovernorTimelockControl
    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    /// @inheritdoc GovernorTimelockControl
    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    /// @inheritdoc GovernorTimelockControl
    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    /// @inheritdoc GovernorTimelockControl
    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
