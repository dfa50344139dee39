"""The example shop as the tests run it: ``TEST_DATABASE=postgres`` or, by default, ``sqlite``."""

import os

from example_project.settings import *  # noqa: F403

from .services import STATE_DIR, postgres, sqlite

DATABASES = {"default": postgres() if os.environ.get("TEST_DATABASE") == "postgres" else sqlite(STATE_DIR / "sqlite")}
DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
