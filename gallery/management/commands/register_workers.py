"""`manage.py register_workers`. It belongs to the composition root, above this app: named, not imported."""

from django.utils.module_loading import import_string

Command = import_string("config.register_command.Command")
