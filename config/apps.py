"""The composition root as a Django app, so that `manage.py check` knows its checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.core.checks import CheckMessage, Tags, register


class CompositionRoot(AppConfig):
    """Registers what `manage.py check --deploy` says of the production switch."""

    name = "config"

    def ready(self) -> None:
        """Register."""
        register(_deployed, deploy=True)


class Desk(SimpleAdminConfig):
    """The admin. Its pages are loaded by those who serve them (`config.urls`) and by its checks: the indexer
    has done its work before they would be there.
    """

    default = False

    def ready(self) -> None:
        """Register the checks."""
        from django.contrib.admin.checks import check_dependencies

        register(check_dependencies, Tags.admin)
        register(_check_desk, Tags.admin)


def _check_desk(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    from django.contrib import admin
    from django.contrib.admin.checks import check_admin_app

    admin.autodiscover()
    found: list[CheckMessage] = check_admin_app(app_configs, **options)
    return found


def _deployed(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    from config import switch

    return switch.deployed(app_configs, **options)
