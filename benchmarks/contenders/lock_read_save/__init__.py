"""
Spree's two ways of sending a file, rebuilt in Django on this app's tables, without a record of the download.

The link is found by its token together with what decides about it, then its row is locked, read again, checked and
saved. Spree then reads the file into memory and sends that (``send_data``), or leaves it to the server (``send_file``).
"""
