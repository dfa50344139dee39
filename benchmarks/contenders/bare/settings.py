from ..base import *  # noqa: F403

ROOT_URLCONF = "benchmarks.contenders.bare.urls"
