#!/usr/bin/env python
"""Django's command line for Murmuration: `python manage.py help` lists every command."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    if sys.argv[1:2] == ["index"] and "--once" not in sys.argv:
        from config import switch

        switch.require("indexer")
    execute_from_command_line(sys.argv)
