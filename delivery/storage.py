"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedModulesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites the imports between ES modules too: an import map would be an inline script, which our CSP forbids."""

    support_js_module_import_aggregation = True
