from spree_digitals.storefront import Storefront


class SitesStorefront(Storefront):
    store_path = None
