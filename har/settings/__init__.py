"""params.yaml as one frozen type, checked whole before anything runs.

Only stages and commands read it (`load_settings`); what is below them takes parts of it, or plain
arguments.
"""

from har.settings.loading import SettingsError, load_settings
from har.settings.root import DEMO, Settings

__all__ = ["DEMO", "Settings", "SettingsError", "load_settings"]
