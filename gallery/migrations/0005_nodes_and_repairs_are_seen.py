"""Every role sees the nodes and the repairs, which the mirror keeps since chain 0003."""

from django.db import migrations

from gallery.roles import grant


def add(apps, schema_editor):
    seen = {"chain.view_providerhealth", "chain.view_repair"}
    grant(apps, {"viewer": seen, "operator": seen, "owner": seen}, {}, anew=False)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0004_reorganisations_are_seen"), ("chain", "0003_completeness")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
