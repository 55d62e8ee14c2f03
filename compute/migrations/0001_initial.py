"""Pictures and paintings come over from the gallery: the tables stay as they are, under their old names.

Their content types come along, and with them the permissions that groups hold; the admin's history too.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import chain.fields
import compute.storage

MOVED = ('picture', 'rendering')


def move(apps, schema_editor, here='gallery', there='compute'):
    types = apps.get_model('contenttypes', 'ContentType').objects.using(schema_editor.connection.alias)
    # A database whose types were made for both is not expected; the ones with a history win.
    for name in MOVED:
        if types.filter(app_label=here, model=name).exists():
            types.filter(app_label=there, model=name).delete()
    types.filter(app_label=here, model__in=MOVED).update(app_label=there)


def move_back(apps, schema_editor):
    move(apps, schema_editor, 'compute', 'gallery')


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('chain', '0001_initial'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('gallery', '0006_lean_indexes'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='Picture',
                    fields=[
                        ('file_hash', chain.fields.HexField(32, primary_key=True, serialize=False)),
                        ('pixel_hash', chain.fields.HexField(32)),
                        ('thumb_hash', chain.fields.HexField(32)),
                        ('width', models.PositiveIntegerField()),
                        ('height', models.PositiveIntegerField()),
                        ('file', models.FileField(max_length=200, storage=compute.storage.picture_storage, upload_to=compute.storage.picture_path)),
                        ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        'db_table': 'gallery_picture',
                    },
                ),
                migrations.CreateModel(
                    name='Rendering',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('recipe_hash', chain.fields.HexField(32, unique=True)),
                        ('epoch_number', models.PositiveBigIntegerField(db_index=True)),
                        ('round', models.PositiveBigIntegerField(default=1, help_text='the last round that asked for this painting')),
                        ('recipe', models.JSONField(help_text="the studio's recipe")),
                        ('state', models.CharField(choices=[('queued', 'Queued'), ('painting', 'Painting'), ('painted', 'Painted'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], db_index=True, default='queued', max_length=10)),
                        ('due_at', models.DateTimeField(default=django.utils.timezone.now, help_text='not claimed before')),
                        ('sent_at', models.DateTimeField(blank=True, help_text='last handed to the queue', null=True)),
                        ('claim', models.UUIDField(blank=True, help_text='changes with every claim', null=True)),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('step', models.PositiveIntegerField(default=0)),
                        ('steps', models.PositiveIntegerField(default=0)),
                        ('attempts', models.PositiveIntegerField(default=0)),
                        ('cancel', models.BooleanField(default=False)),
                        ('error', models.TextField(blank=True)),
                        ('environment', models.JSONField(blank=True, default=dict)),
                        ('seconds', models.FloatField(blank=True, null=True)),
                        ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                        ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                        ('picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renderings', to='compute.picture')),
                    ],
                    options={
                        'db_table': 'gallery_rendering',
                        'ordering': ['-created_at'],
                    },
                ),
            ],
        ),
        migrations.RunPython(move, move_back),
    ]
