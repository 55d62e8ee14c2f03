"""Static files for production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hashed, compressed static files whose ES modules import one another by their hashed names."""

    support_js_module_import_aggregation = True
