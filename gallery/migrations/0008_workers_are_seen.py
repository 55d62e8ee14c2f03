"""Every role sees the workers, whom the mirror keeps since compute 0003, and what ours did."""

from django.db import migrations

from gallery.roles import grant

SEEN = (
    "acceptance acceptedclasschange attestation bondchange challenge classlisting commitment credit "
    "creditwithdrawal drop exitrequest feecredit feerelease finalization opening poolchange refusal "
    "registration return reveal ruleschange settlement slash urichange vow window"
)


def add(apps, schema_editor):
    seen = {f"compute.view_{model}" for model in SEEN.split()}
    grant(apps, {"viewer": seen, "operator": seen, "owner": seen}, {}, anew=False)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0007_painting_moves_to_compute"), ("compute", "0003_workers")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
