import { ponder } from "ponder:registry";
import { proposal, vote } from "ponder:schema";

ponder.on("Governor:ProposalCreated", async ({ event, context }) => {
  const { proposalId, proposer, targets, values, calldatas, description, voteStart, voteEnd } = event.args;
  await context.db.insert(proposal).values({
    id: proposalId,
    proposer,
    targets: [...targets],
    values: [...values],
    calldatas: [...calldatas],
    description,
    starts: voteStart,
    ends: voteEnd,
    block: event.block.number,
  });
});

ponder.on("Governor:VoteCast", async ({ event, context }) => {
  await context.db.insert(vote).values({
    id: event.id,
    proposal: event.args.proposalId,
    voter: event.args.voter,
    support: event.args.support,
    weight: event.args.weight,
    reason: event.args.reason,
    block: event.block.number,
    at: event.block.timestamp,
    transaction: event.transaction.hash,
  });
});
