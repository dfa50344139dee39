from ..spree_digitals.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.contenders.lock_read_save.urls"
