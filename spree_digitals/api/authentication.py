from __future__ import annotations

from rest_framework.authentication import TokenAuthentication


class BearerAuthentication(TokenAuthentication):
    """REST framework's tokens under the keyword Spree's clients send: ``Authorization: Bearer …``."""

    keyword = "Bearer"
