"""`manage.py register_workers`: bond the workers whose keys this site holds."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chain import deployments, signers
from chain.deployments import DeploymentMissing
from chain.rpc import RpcError, RpcUnavailable, get_rpc
from chain.signers import SignerMissing
from compute.operator import class_id
from config.deploy_sender import DeploymentError
from config.deploy_workers import ETHER, register


class Command(BaseCommand):
    """Registers each worker of WORKER_KEYS and WORKER_KEYSTORES that isn't one yet."""

    help = (
        "Bond the workers of WORKER_KEYS and WORKER_KEYSTORES, in WORKER_CLASS or this machine's own class."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be chosen."""
        parser.add_argument("--bond", type=Decimal, help="ether of each bond (default: the least)")
        parser.add_argument("--uri", default="", help="where their pictures and attestations are served")

    def handle(self, *args: Any, **options: Any) -> None:
        """Register. Raises CommandError with one sentence."""
        bond = None if options["bond"] is None else int(options["bond"] * ETHER)
        try:
            accounts = signers.worker_accounts()
            if not accounts:
                raise CommandError("there is no worker's key: set WORKER_KEYS or WORKER_KEYSTORES")
            worker_set = deployments.address_of("WorkerSet")
            declared, rpc = class_id(), get_rpc().steady()
            rpc.call("eth_chainId")  # of several nodes, one that answers
            for account in accounts:
                new = register(rpc, account, worker_set, declared, bond=bond, uri=options["uri"])
                words = f"is bonded in class {declared}" if new else "is a worker already"
                self.stdout.write(f"{account.address.lower()} {words}")
        except (DeploymentError, DeploymentMissing, SignerMissing, RpcError, RpcUnavailable) as error:
            raise CommandError(str(error)) from error
