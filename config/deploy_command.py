"""`manage.py deploy`: put the contracts on the chain that CHAIN_RPC_URL names."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chain import signers
from chain.rpc import RpcError, RpcUnavailable, get_rpc
from chain.signers import SignerMissing
from config.deploy import deploy
from config.deploy_sender import DeploymentError
from config.deploy_settings import (
    NO_CLASS,
    PAINTERS,
    PROFILES,
    SOURCES,
    DeploySettings,
    Founding,
    first_values,
    read_founding,
)
from config.deploy_workers import ETHER, PUBLIC_RULES, changed_rules

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

CLASS = re.compile(r"0x[0-9a-fA-F]{64}")
FOUNDING = Path(settings.BASE_DIR) / "gallery" / "founding" / "founding.json"


class Command(BaseCommand):
    """Deploys once; run again, it goes on where it stopped, or says that all is there."""

    help = "Deploy the contracts, anchor the founding generations and write the deployment file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be chosen; everything else comes from the profile and the settings."""
        parser.add_argument("--profile", default="public", help="demo or public: how slow votes are")
        parser.add_argument(
            "--operator", help="who paints where one operator does (default: the account that deploys)"
        )
        parser.add_argument("--owners", default="", help="addresses for the founding tokens, with commas")
        parser.add_argument("--founding", type=Path, default=FOUNDING, help="list of founding generations")
        parser.add_argument("--no-founding", action="store_true", help="begin with no generation at all")
        parser.add_argument("--parameters", type=Path, help="JSON object of first values that differ")
        parser.add_argument("--painter", choices=PAINTERS, help="who paints: bonded workers or one operator")
        parser.add_argument("--randomness", choices=SOURCES, help="where seeds come from")
        parser.add_argument(
            "--drand-delay",
            type=int,
            help="seconds from sealing to the seed's round of drand: more than the chain's finality",
        )
        parser.add_argument(
            "--class",
            dest="classes",
            action="append",
            default=[],
            help="a determinism class workers may be of",
        )
        parser.add_argument("--accepted-class", help="the class whose results count (default: WORKER_CLASS)")
        parser.add_argument("--rules", type=Path, help="JSON object of the workers' rules that differ")
        parser.add_argument("--pool", type=Decimal, help="ether that the deployer gives to the workers' pool")
        parser.add_argument("--model-uri", help="where the model's files can be had, at a pinned revision")
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
        if wanted.painter == "workers" and wanted.accepted_class == NO_CLASS:
            self.stdout.write(
                "No epoch is sealed before a vote lists a determinism class and accepts it "
                "(WorkerSet.listClass, setAcceptedClass), and enough workers of it have registered."
            )

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
        changes = _read("the first values", options["parameters"])
        guardian: dict[str, Any] = {}
        if options["guardian"]:
            days = options["guardian_days"]
            guardian = {"guardian": options["guardian"].lower(), "guardian_period": days * 86_400}
        wanted = DeploySettings.profile(
            profile,
            operator=(options["operator"] or deployer).lower(),
            parameters=first_values(founding, changes),
            founding=founding,
            **guardian,
            **_parts(profile, options),
        )
        if uri := options["model_uri"]:
            wanted = replace(wanted, models=tuple(replace(entry, uri=uri) for entry in wanted.models))
        return wanted

    def _founding(self, options: dict[str, Any], epoch_length: int) -> Sequence[Founding]:
        if options["no_founding"]:
            return ()
        owners = [owner.strip().lower() for owner in options["owners"].split(",") if owner.strip()]
        if not owners:
            raise DeploymentError("name the founding tokens' owners with --owners, or say --no-founding")
        return read_founding(options["founding"], owners, epoch_length)


def _parts(profile: str, options: dict[str, Any]) -> dict[str, Any]:
    """What is asked of the painters and of the source of seeds; what isn't named comes from the profile."""
    chosen = {name: options[name] for name in ("painter", "randomness", "drand_delay") if options[name]}
    chosen["classes"] = tuple(one.lower() for one in options["classes"])
    if accepted := options["accepted_class"] or settings.WORKER_CLASS:
        chosen["accepted_class"] = accepted.lower()
    if wrong := [one for one in (*chosen["classes"], accepted or "") if one and not CLASS.fullmatch(one)]:
        raise DeploymentError(f"a class is 0x and 64 hexadecimal digits, which {wrong[0]} is not")
    if options["pool"] is not None:
        chosen["pool"] = int(options["pool"] * ETHER)
    try:
        given = _read("the rules", options["rules"])
        chosen["rules"] = changed_rules(PROFILES[profile].get("rules", PUBLIC_RULES), given)
    except (ValueError, TypeError) as error:
        raise DeploymentError(f"the rules can't be used: {error}") from error
    return chosen


def _read(what: str, file: Path | None) -> dict[str, Any]:
    """The JSON object in a file, empty without one. Raises DeploymentError."""
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{what} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise DeploymentError(f"{what} can't be read: {file} is no JSON object")
    return found
