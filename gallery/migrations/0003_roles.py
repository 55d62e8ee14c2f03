"""The groups viewer, operator and owner. What they may do is written out here as it was decided then."""

from django.db import migrations

from gallery.roles import grant

SEEN = {
    "auth": "group user",
    "chain": "block cursor log transaction",
    "gallery": "auditentry control epoch failure generation picture rebuild rendering repaint round sealing "
    "seeddraw seedrefix slotchange",
    "governance": "delegation exclusion governorsetting operationcancelled operationexecuted parameterchange "
    "proposal proposalcanceled proposalexecuted proposalextended proposalqueued signinnonce tokentransfer "
    "vote voteschanged withholding",
}
VIEWER = {f"{app}.view_{model}" for app, models in SEEN.items() for model in models.split()}
OPERATOR = VIEWER | {"gallery.control_epochs", "governance.withhold"}
OWNER = OPERATOR | {
    "auth.add_user",
    "auth.change_user",
    "gallery.move_clock",
    "gallery.pause_cycle",
    "gallery.rebuild_mirror",
}
OURS = {
    "gallery.control_epochs": "epoch",
    "gallery.move_clock": "control",
    "gallery.pause_cycle": "control",
    "gallery.rebuild_mirror": "control",
    "governance.withhold": "withholding",
}


def make(apps, schema_editor):
    grant(apps, {"viewer": VIEWER, "operator": OPERATOR, "owner": OWNER}, OURS)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("chain", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("gallery", "0002_upkeep"),
        ("governance", "0002_withholding"),
    ]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
