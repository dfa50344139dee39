"""The example shop as a real server runs it in tests: in the database of the tests, with the settings it is told."""

import json
import os

from tests.settings import *  # noqa: F403

for _name, _value in json.loads(os.environ["SERVED_SETTINGS"]).items():
    globals()[_name] = _value

exec(os.environ["SERVED_SOURCE"])  # noqa: S102

ALLOWED_HOSTS = ["*"]
