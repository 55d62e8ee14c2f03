"""Pictures and paintings go over to the app of the painters (compute 0001); their tables are untouched."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [('compute', '0001_initial'), ('gallery', '0006_lean_indexes')]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel('Rendering'), migrations.DeleteModel('Picture')]
        )
    ]
