from typing import Any


def everybody(private_file: Any) -> bool:
    return True
