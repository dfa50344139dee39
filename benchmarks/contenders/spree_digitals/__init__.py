"""This app in the example shop. Everything that decides how it is measured stands in ``settings``."""
