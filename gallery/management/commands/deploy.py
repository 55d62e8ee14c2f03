"""`manage.py deploy`. It belongs to the composition root, above this app: named here, not imported."""

from django.utils.module_loading import import_string

Command = import_string("config.deploy_command.Command")
