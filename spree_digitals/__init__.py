"""Sell files with Django: download links with limits that hold, for any shop."""

__version__ = "0.1.0"
