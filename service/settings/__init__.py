"""Read and check every COURSEBELL_ variable once; docs/settings.md is the table."""

from service.settings.reading import read_settings
from service.settings.sources import SourceSettings
from service.settings.table import PREFIX, Settings, prefix_of, table
from service.settings.variables import SettingsError

__all__ = [
    "PREFIX",
    "Settings",
    "SettingsError",
    "SourceSettings",
    "prefix_of",
    "read_settings",
    "table",
]
