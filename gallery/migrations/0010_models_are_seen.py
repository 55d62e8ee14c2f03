"""Every role sees the registry of models, which governance mirrors since its 0005."""

from django.db import migrations

from gallery.roles import grant


def add(apps, schema_editor):
    seen = {f"governance.view_{model}" for model in ("registeredmodel", "modelstatus", "royaltyreceiver")}
    grant(apps, {"viewer": seen, "operator": seen, "owner": seen}, {}, anew=False)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0009_verifications"), ("governance", "0005_model_registry")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
