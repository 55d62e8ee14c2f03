"""What each role in the admin may do. The groups are made by migrations (0003 on), and equal this table.

A viewer reads everything and changes nothing. An operator looks after the epochs and may withhold. An owner
also stops and starts the whole, moves a private chain's clock, has the mirror read again, and says who has
which role. Nobody, a superuser included, can change a row that came from the chain or from the painter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

EPOCHS = "gallery.control_epochs"
CYCLE = "gallery.pause_cycle"
CLOCK = "gallery.move_clock"
MIRROR = "gallery.rebuild_mirror"
WITHHOLD = "governance.withhold"

_SEEN = {
    "auth": ("group", "user"),
    "chain": ("block", "cursor", "log", "providerhealth", "reorganisation", "repair", "transaction"),
    "compute": (
        *("acceptance", "acceptedclasschange", "attestation", "bondchange", "challenge", "classlisting"),
        *("commitment", "credit", "creditwithdrawal", "drop", "exitrequest", "feecredit", "feerelease"),
        *("finalization", "opening", "picture", "poolchange", "refusal", "registration", "rendering"),
        *("return", "reveal", "ruleschange", "settlement", "slash", "urichange", "vow", "window"),
    ),
    "gallery": (
        *("auditentry", "control", "epoch", "failure", "generation", "rebuild", "repaint", "round"),
        *("sealing", "seeddraw", "seedrefix", "slotchange"),
    ),
    "governance": (
        *("delegation", "exclusion", "governorsetting", "modelstatus", "operationcancelled"),
        *("operationexecuted", "parameterchange", "proposal", "proposalcanceled", "proposalexecuted"),
        *("proposalextended", "proposalqueued", "registeredmodel", "royaltyreceiver", "signinnonce"),
        *("tokentransfer", "vote", "voteschanged", "withholding"),
    ),
}
VIEWER = frozenset(f"{app}.view_{model}" for app, models in _SEEN.items() for model in models)
OPERATOR = VIEWER | {EPOCHS, WITHHOLD}
OWNER = OPERATOR | {CYCLE, CLOCK, MIRROR, "auth.add_user", "auth.change_user"}

ROLES: Mapping[str, frozenset[str]] = {"viewer": VIEWER, "operator": OPERATOR, "owner": OWNER}
HOMES = {EPOCHS: "epoch", CYCLE: "control", CLOCK: "control", MIRROR: "control", WITHHOLD: "withholding"}
"""The model of each permission of our own."""


def grant(apps: Any, table: Mapping[str, Iterable[str]], homes: Mapping[str, str], anew: bool = True) -> None:
    """Give each group of `table` exactly these permissions ("app.codename"), or, not `anew`, these too;
    for migrations.

    Django makes permissions after all migrations, too late for this, so those that are missing are made
    here. `homes` names the model of each permission of our own, as `HOMES` does.
    """
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    type_model = apps.get_model("contenttypes", "ContentType")
    for role, wanted in table.items():
        group, _made = group_model.objects.get_or_create(name=role)
        found = []
        for name in sorted(wanted):
            app, codename = name.split(".")
            verb, _, model = codename.partition("_")
            kind, _made = type_model.objects.get_or_create(app_label=app, model=homes.get(name, model))
            permission, _made = permission_model.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": f"Can {verb} {model}"}
            )
            found.append(permission)
        if anew:
            group.permissions.set(found)
        else:
            group.permissions.add(*found)
