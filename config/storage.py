"""Static files for production."""

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = "js/*.js"


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hashed, compressed static files whose ES modules import one another by their hashed names.

    Only our own modules are rewritten: a bundle in dist/ imports nothing, and what other packages bring may
    mention files in a way that only looks like an import.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        _all_scripts, imports = self._js_module_import_aggregation_patterns
        self.patterns = (*CompressedManifestStaticFilesStorage.patterns, (OUR_MODULES, imports))
        super().__init__(*arguments, **options)
