from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "tests.hosts.market"
    # Django migrates in the order of labels where nothing else decides: this one comes after spree_digitals.
    label = "trade"
