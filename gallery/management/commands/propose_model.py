"""`manage.py propose_model FOLDER`: a proposal that registers a model, activates it and chooses it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from chain import abi, deployments, signers, transactions
from chain.contracts import CallReverted, call
from chain.rpc import RpcError, RpcUnavailable, get_rpc
from gallery import dossiers
from governance import actions, descriptions
from governance.models import ModelStanding, ModelTier
from governance.weights import ZERO
from studio.weights import UnreadableWeights

ZERO32 = "0x" + "00" * 32
TIERS = {
    "restricted": ModelTier.RESTRICTED,
    "open-weights": ModelTier.OPEN_WEIGHTS,
    "open-source": ModelTier.OPEN_SOURCE,
}


class Command(BaseCommand):
    """Prepare, and with --send submit, the proposal that makes a folder one of the models that may paint."""

    help = "Prepare the proposal that registers a diffusers folder, lets it be chosen and, if wished, does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What an entry says that the files themselves don't."""
        parser.add_argument("folder", help="a diffusers folder: the one that holds model_index.json")
        parser.add_argument("--uri", required=True, help="where its files can be had, at a pinned revision")
        parser.add_argument("--licence", required=True, help="its licence, as an SPDX expression")
        parser.add_argument("--tier", choices=sorted(TIERS), default="restricted", help="how open it is")
        parser.add_argument("--parent", default=ZERO32, help="the id of the model it was made from")
        parser.add_argument("--royalty-receiver", default=ZERO, help="who is paid for it")
        parser.add_argument(
            "--millijoules", type=int, default=0, help="declared energy of a step of a megapixel; 0: unknown"
        )
        parser.add_argument("--paint", action="store_true", help="also choose it to paint from now on")
        parser.add_argument("--title", default="", help="the proposal's title")
        parser.add_argument("--reason", default="", help="why, in a few sentences")
        parser.add_argument(
            "--proposer", default="", help="who will submit it (default: the operator's account)"
        )
        parser.add_argument(
            "--despite-findings", action="store_true", help="propose it although its audit found something"
        )
        parser.add_argument("--send", action="store_true", help="submit it with the operator's key")

    def handle(self, *args: Any, folder: str, **options: Any) -> None:
        """Measure, prepare, print; with --send also submit."""
        try:
            found = dossiers.measure(folder)
        except (FileNotFoundError, UnreadableWeights) as error:
            raise CommandError(f"{folder} is no model that could be registered: {error}") from error
        self._check(found, options)
        try:
            calls = self._calls(found, options)
            proposer = self._proposer(options)
        except (RpcError, RpcUnavailable, CallReverted) as error:
            raise CommandError(f"the chain can't be asked: {error}") from error
        except (deployments.DeploymentMissing, signers.SignerMissing) as error:
            raise CommandError(str(error)) from error
        title = options["title"] or (
            f"Paint with {folder_name(found)}"
            if options["paint"]
            else f"Let {folder_name(found)} be chosen to paint"
        )
        description = descriptions.compose(title, options["reason"], proposer)
        targets = [deployments.address_of(name) for name, _, _ in calls]
        calldatas = [abi.encode_call(name, function, *arguments) for name, function, arguments in calls]
        values = [0] * len(calls)
        proposal_id = actions.hash_proposal(targets, values, calldatas, description)
        self.stdout.write(f"{title}\n")
        for (name, function, _), target, data in zip(calls, targets, calldatas, strict=True):
            self.stdout.write(f"\n{name}.{function}\n  to    {target}\n  data  {data}")
        propose = abi.encode_call("ArtGovernor", "propose", targets, values, calldatas, description)
        governor = deployments.address_of("ArtGovernor")
        self.stdout.write(f"\nArtGovernor.propose, to be sent by {proposer}\n  to    {governor}")
        self.stdout.write(f"  data  {propose}\n")
        self.stdout.write(f"On the site it will be {reverse('governance:proposal', args=[proposal_id])}")
        if not options["paint"]:
            self.stdout.write(
                f"Once it is active, it can be chosen at {reverse('governance:compose')}?model={found.id}"
            )
        if options["send"]:
            self._send(proposal_id, proposer, (targets, values, calldatas, description))

    def _check(self, found: dossiers.Dossier, options: dict[str, Any]) -> None:
        if found.card_hash == ZERO32:
            raise CommandError("it has no card: write a README.md that says what it is and what it may do")
        if not found.pipeline_class:
            raise CommandError("its model_index.json names no pipeline class of diffusers")
        if found.audit["findings"] and not options["despite_findings"]:
            told = "\n".join(f"  {finding}" for finding in found.audit["findings"])
            raise CommandError(f"its audit found what voters should not have to accept:\n{told}")

    def _calls(
        self, found: dossiers.Dossier, options: dict[str, Any]
    ) -> list[tuple[str, str, tuple[Any, ...]]]:
        """What is still to be done, as (contract, function, arguments); the registry itself is asked."""
        status = ModelStanding(int(call("ModelRegistry", "modelOf", found.id)["status"]))
        calls: list[tuple[str, str, tuple[Any, ...]]] = []
        if status is ModelStanding.NONE:
            calls.append(("ModelRegistry", "register", (found.id, _entry(found, options))))
        if status is not ModelStanding.ACTIVE:
            calls.append(("ModelRegistry", "activate", (found.id,)))
        if options["paint"]:
            calls.append(("ArtParameters", "setModel", (found.id,)))
        if not calls:
            raise CommandError("it is active already: add --paint to choose it")
        return calls

    def _proposer(self, options: dict[str, Any]) -> str:
        if options["send"] or not options["proposer"]:
            return signers.configured(get_rpc()).address
        return str(options["proposer"]).lower()

    def _send(self, proposal_id: int, proposer: str, arguments: tuple[Any, ...]) -> None:
        if refusal := actions.proposal_refusal(proposer):
            raise CommandError(f"{proposer} may not propose it: {refusal}")
        row = transactions.send(f"propose-model:{proposal_id}", "ArtGovernor", "propose", *arguments)
        if row.error:
            raise CommandError(f"it was not sent: {row.error}")
        self.stdout.write(self.style.SUCCESS(f"Sent in {row.tx_hash}."))


def folder_name(found: dossiers.Dossier) -> str:
    """What to call a folder in a title."""
    return found.folder.resolve().name


def _entry(found: dossiers.Dossier, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "tensorRoot": found.tensor_root,
        "cardHash": found.card_hash,
        "auditHash": found.audit_hash,
        "parent": options["parent"],
        "tier": int(TIERS[options["tier"]]),
        "status": 0,
        "royaltyReceiver": options["royalty_receiver"],
        "milliJoules": options["millijoules"],
        "uri": options["uri"],
        "licence": options["licence"],
        "pipelineClass": found.pipeline_class,
    }
