"""`manage.py model_digest FOLDER`: everything that the registry would say of a diffusers folder."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery import dossiers
from studio.weights import UnreadableWeights


class Command(BaseCommand):
    """Digests and audit of a model, computed from its files alone."""

    help = "Files digest (the model's id), tensor root, card hash and audit of a diffusers folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FOLDER, and whether a program is to read the answer."""
        parser.add_argument("folder", help="a diffusers folder: the one that holds model_index.json")
        parser.add_argument("--json", action="store_true", help="one JSON object, audit included")

    def handle(self, *args: Any, folder: str, **options: Any) -> None:
        """Measure and tell."""
        try:
            found = dossiers.measure(folder)
        except (FileNotFoundError, UnreadableWeights) as error:
            raise CommandError(f"{folder} is no model that could be registered: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(described(found), indent=2))
            return
        weights = found.audit["weights"]
        dtypes = ", ".join(f"{count:,} {dtype}" for dtype, count in weights["dtypes"].items())
        for label, value in (
            ("id (files digest)", found.id),
            ("tensor root", found.tensor_root),
            ("card hash", found.card_hash),
            ("audit hash", found.audit_hash),
            ("pipeline class", found.pipeline_class or "none"),
            ("licence, as the card says", found.licence or "none"),
            ("parameters", f"{weights['parameters']:,} in {weights['tensors']:,} tensors ({dtypes})"),
            ("size", f"{found.audit['bytes']:,} bytes in {found.audit['files']} files"),
        ):
            self.stdout.write(f"{label:<26} {value}")
        for finding in found.audit["findings"]:
            self.stdout.write(self.style.WARNING(f"{'found':<26} {finding}"))
        if not found.audit["findings"]:
            self.stdout.write(f"{'found':<26} nothing that speaks against it")


def described(found: dossiers.Dossier) -> dict[str, Any]:
    """A dossier as JSON, in the registry's own names."""
    return {
        "id": found.id,
        "tensorRoot": found.tensor_root,
        "cardHash": found.card_hash,
        "auditHash": found.audit_hash,
        "pipelineClass": found.pipeline_class,
        "licence": found.licence,
        "audit": found.audit,
    }
