"""Paint generations again from chain data and stored inputs, and say whether they are what the chain says."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chain.deployments import DeploymentMissing
from chain.rpc import Rpc, RpcError, RpcUnavailable
from compute import energy
from gallery import verification
from gallery.onchain import CantTell, ChainRecord
from gallery.verification import Report, Verdict
from studio.paint import Step

EXACT, DIFFERENT, UNVERIFIED = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Paint generations again from chain data and stored inputs alone and compare: bit-exact, within "
        "tolerance, or different. Ends with 0 when all are bit-exact or within tolerance, 1 when any is "
        "different, 2 when none is and some can't be verified here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("numbers", nargs="*", type=int, help="the generations")
        parser.add_argument("--all", action="store_true", help="the whole lineage, first to last")
        parser.add_argument("--json", action="store_true", help="one JSON object a generation, a line each")
        parser.add_argument("--rpc", default="", help="the node to ask, instead of CHAIN_RPC_URL's")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["numbers"]) == options["all"]:
            raise CommandError("Name generations, or --all.", returncode=UNVERIFIED)
        reports: list[Report] = []
        try:
            record = ChainRecord(Rpc(options["rpc"]) if options["rpc"] else None)
            chosen = list(range(1, record.count + 1)) if options["all"] else options["numbers"]
            for number in chosen:
                reports.append(self.one(record, number, options["json"]))
        except (CantTell, RpcError, RpcUnavailable, DeploymentMissing) as error:
            raise CommandError(f"The chain can't be asked: {error}", returncode=UNVERIFIED) from error
        if not options["json"]:
            self.summary(record, reports)
        if code := outcome(reports):
            sys.exit(code)

    def one(self, record: ChainRecord, number: int, as_json: bool) -> Report:
        """Verify one, showing its steps to who watches."""
        watched = not as_json and self.stdout.isatty()

        def on_step(step: Step) -> None:
            if watched:
                self.stdout.write(f"\r{number}: step {step.step} of {step.steps} ", ending="")
                self.stdout.flush()

        report = verification.verify(record, number, on_step=on_step)
        if watched:
            self.stdout.write("\r" + " " * 40 + "\r", ending="")
        if as_json:
            self.stdout.write(json.dumps(report.to_json(), sort_keys=True, ensure_ascii=False))
        else:
            self.told(report)
        self.stdout.flush()
        return report

    def told(self, report: Report) -> None:
        """One generation's verdict, and where there is something to explain, both environments."""
        seconds = "" if report.seconds is None else f" ({report.seconds:.1f} s)"
        self.stdout.write(f"{report.number}: {words(report)}{seconds}")
        if report.verdict in (Verdict.NEAR, Verdict.DIFFERENT) and report.environment:
            then = report.then.environment if report.then else {}
            who = report.then.who if report.then else "nobody whose word is kept here"
            lines = verification.side_by_side(then, report.environment)
            wide = max([len(one.name) for one in lines], default=0)
            self.stdout.write(f"   painted then by {who}; on the right, now and here")
            for one in lines:
                mark = "≠" if one.differs else " "
                self.stdout.write(f"   {mark} {one.name:{wide}}  {one.then or '?'}  |  {one.now or '?'}")

    def summary(self, record: ChainRecord, reports: list[Report]) -> None:
        """A table of all, and a sentence."""
        if len(reports) > 1:
            self.stdout.write("")
            self.stdout.write(f"{'generation':>10}  {'verdict':<24} {'dB':>6} {'most':>5} {'s':>6}  energy")
            for one in reports:
                found = one.comparison
                distance = "" if found.distance is None else f"{found.distance:.1f}"
                most = "" if found.furthest is None else str(found.furthest)
                seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
                told = energy.words(one.energy)
                amount = f"{told.amount}, {told.how}" if told.known else ""
                self.stdout.write(
                    f"{one.number:>10}  {one.verdict:<24} {distance:>6} {most:>5} {seconds:>6}  {amount}"
                )
        counts = {verdict: sum(one.verdict is verdict for one in reports) for verdict in Verdict}
        told_counts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        self.stdout.write(
            f"At block {record.block} of chain {record.deployment.chain_id}, "
            f"artwork {record.artwork}: {told_counts}."
        )


def words(report: Report) -> str:
    """A verdict with its distance or its reason."""
    found = report.comparison
    if found.distance is not None:
        share = 100 * (found.changed or 0)
        return (
            f"{found.verdict}, {found.distance:.1f} dB apart (tolerance {settings.VERIFY_TOLERANCE_DB:g}); "
            f"{share:.3g} % of the pixels differ, by {found.furthest} of 255 at most"
        )
    return f"{found.verdict}: {found.reason}" if found.reason else str(found.verdict)


def outcome(reports: list[Report]) -> int:
    """The exit status."""
    if any(one.verdict is Verdict.DIFFERENT for one in reports):
        return DIFFERENT
    return UNVERIFIED if any(one.verdict is Verdict.UNVERIFIED for one in reports) else EXACT
