"""Every role sees the reorganisations, which the mirror keeps since chain 0002."""

from django.db import migrations

from gallery.roles import grant


def add(apps, schema_editor):
    seen = {"chain.view_reorganisation"}
    grant(apps, {"viewer": seen, "operator": seen, "owner": seen}, {}, anew=False)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0003_roles"), ("chain", "0002_reorganisation")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
