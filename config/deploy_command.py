"""`manage.py deploy`: put the contracts on the chain that CHAIN_RPC_URL names."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chain import signers
from chain.rpc import RpcError, RpcUnavailable, get_rpc
from chain.signers import SignerMissing
from config.deploy import deploy
from config.deploy_sender import DeploymentError
from config.deploy_settings import PROFILES, DeploySettings, Founding, first_values, read_founding

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

FOUNDING = Path(settings.BASE_DIR) / "gallery" / "founding" / "founding.json"


class Command(BaseCommand):
    """Deploys once; run again, it goes on where it stopped, or says that all is there."""

    help = "Deploy the contracts, anchor the founding generations and write the deployment file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be chosen; everything else comes from the profile and the settings."""
        parser.add_argument("--profile", default="public", help="demo or public: how slow votes are")
        parser.add_argument("--operator", help="who paints (default: the account that deploys)")
        parser.add_argument("--owners", default="", help="addresses for the founding tokens, with commas")
        parser.add_argument("--founding", type=Path, default=FOUNDING, help="list of founding generations")
        parser.add_argument("--no-founding", action="store_true", help="begin with no generation at all")
        parser.add_argument("--parameters", type=Path, help="JSON object of first values that differ")
        parser.add_argument("--guardian", help="who may cancel proposals for a time (default: nobody)")
        parser.add_argument("--guardian-days", type=int, default=90, help="for how long it may (default 90)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Deploy. Raises CommandError with one sentence."""
        try:
            sender = self._sender()
            address = sender if isinstance(sender, str) else sender.address
            wanted = self._wanted(address, options)
            rpc = get_rpc().steady()
            rpc.call("eth_chainId")  # of several nodes, one that answers
            deployment = deploy(rpc, sender, wanted, report=self.stdout.write)
        except (DeploymentError, SignerMissing, RpcError, RpcUnavailable) as error:
            raise CommandError(str(error)) from error
        for name, at in deployment.contracts.items():
            self.stdout.write(f"{name} {at}")

    def _sender(self) -> str | LocalAccount:
        """The operator's key, or its account where the node holds the key."""
        if (own := signers.account()) is not None:
            return own
        if settings.OPERATOR_ADDRESS:
            return str(settings.OPERATOR_ADDRESS)
        raise DeploymentError(
            "nobody to deploy: set OPERATOR_KEY, OPERATOR_KEYSTORE, or the OPERATOR_ADDRESS of the node"
        )

    def _wanted(self, deployer: str, options: dict[str, Any]) -> DeploySettings:
        profile = options["profile"]
        if profile not in PROFILES:
            raise DeploymentError(f"there is no profile {profile!r}: choose one of {', '.join(PROFILES)}")
        founding = self._founding(options, PROFILES[profile]["epoch_length"])
        changes: dict[str, Any] = {}
        if options["parameters"]:
            try:
                changes = json.loads(options["parameters"].read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise DeploymentError(f"the first values can't be read: {error}") from error
        guardian: dict[str, Any] = {}
        if options["guardian"]:
            days = options["guardian_days"]
            guardian = {"guardian": options["guardian"].lower(), "guardian_period": days * 86_400}
        return DeploySettings.profile(
            profile,
            operator=(options["operator"] or deployer).lower(),
            parameters=first_values(founding, changes),
            founding=founding,
            **guardian,
        )

    def _founding(self, options: dict[str, Any], epoch_length: int) -> Sequence[Founding]:
        if options["no_founding"]:
            return ()
        owners = [owner.strip().lower() for owner in options["owners"].split(",") if owner.strip()]
        if not owners:
            raise DeploymentError("name the founding tokens' owners with --owners, or say --no-founding")
        return read_founding(options["founding"], owners, epoch_length)
