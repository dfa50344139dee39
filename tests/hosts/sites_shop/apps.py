from django.apps import AppConfig


class SitesShopConfig(AppConfig):
    name = "tests.hosts.sites_shop"
    label = "sites_shop"
