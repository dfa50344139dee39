from __future__ import annotations

from typing import Any

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed


class BearerAuthentication(TokenAuthentication):
    """REST framework's tokens under the keyword Spree's clients send: ``Authorization: Bearer …``."""

    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> Any:
        if "\x00" in key:  # no database takes that for text
            raise AuthenticationFailed
        return super().authenticate_credentials(key)
