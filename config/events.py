"""Contract event -> handler: a urls.py for the chain.

A handler takes a sequence of `chain.events.Event` in log order and inserts rows that point at their log;
it knows nothing of reorgs. Events without a handler are kept in the log all the same.
"""

EVENTS: dict[str, str] = {
    "ArtParameters.ParameterSet": "governance.handlers.parameter_set",
    "ArtGovernor.ProposalCreated": "governance.handlers.proposal_created",
    "ArtGovernor.ProposalQueued": "governance.handlers.proposal_queued",
    "ArtGovernor.ProposalExecuted": "governance.handlers.proposal_executed",
    "ArtGovernor.ProposalCanceled": "governance.handlers.proposal_canceled",
    "ArtGovernor.ProposalExtended": "governance.handlers.proposal_extended",
    "ArtGovernor.VoteCast": "governance.handlers.vote_cast",
    "ArtToken.Transfer": "governance.handlers.transfer",
    "ArtToken.DelegateChanged": "governance.handlers.delegate_changed",
    "ArtToken.DelegateVotesChanged": "governance.handlers.delegate_votes_changed",
    "ArtToken.VotingUnitsExcluded": "governance.handlers.voting_units_excluded",
    "ArtGovernor.VoteCastWithParams": "governance.handlers.vote_cast",
    "ArtGovernor.QuorumNumeratorUpdated": "governance.handlers.quorum_numerator_updated",
    "ArtGovernor.MinVotesUpdated": "governance.handlers.min_votes_updated",
    "ArtGovernor.VotingDelaySet": "governance.handlers.voting_delay_set",
    "ArtGovernor.VotingPeriodSet": "governance.handlers.voting_period_set",
    "ArtGovernor.ProposalThresholdSet": "governance.handlers.proposal_threshold_set",
    "ArtGovernor.LateQuorumVoteExtensionSet": "governance.handlers.late_quorum_vote_extension_set",
    "ArtGovernor.TimelockChange": "governance.handlers.timelock_change",
    "TimelockController.CallExecuted": "governance.handlers.call_executed",
    "TimelockController.Cancelled": "governance.handlers.cancelled",
    "TimelockController.MinDelayChange": "governance.handlers.min_delay_change",
    "ModelRegistry.ModelRegistered": "governance.model_handlers.model_registered",
    "ModelRegistry.ModelStatusSet": "governance.model_handlers.model_status_set",
    "ModelRegistry.RoyaltyReceiverSet": "governance.model_handlers.royalty_receiver_set",
    "LivingArtwork.EpochOpened": "gallery.handlers.epoch_opened",
    "LivingArtwork.EpochSealed": "gallery.handlers.epoch_sealed",
    "LivingArtwork.SeedRefixed": "gallery.handlers.seed_refixed",
    "LivingArtwork.SeedDrawn": "gallery.handlers.seed_drawn",
    "LivingArtwork.RoundOpened": "gallery.handlers.round_opened",
    "LivingArtwork.EpochFailed": "gallery.handlers.epoch_failed",
    "LivingArtwork.GenerationAnchored": "gallery.handlers.generation_anchored",
    "LivingArtwork.SlotSet": "gallery.handlers.slot_set",
}
