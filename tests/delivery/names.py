"""Names that a stored file can have where somebody has put them into the database by hand."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from spree_digitals.models import Digital, DigitalLink

HOSTILE = [
    *("100%", "%", "a%2Fb", "a%2e%2e%2fb", "%00", "%0a", "%25", "what?", "a?b=c", "#1", "a#b", 'say "hi"', "it's"),
    *("two words", " leading", "trailing ", "tab\there", "Übung", "U\u0308bung", "日本語", "😀", "\u202egpj.exe"),
    *("back\\slash", "..\\up", "a+b", "a&b", "a;b", "a=b", "a,b", "a:b", "[x]", "{x}", "<x>", "a|b", "^`~", "$uri"),
    *("\x01\x1f\x7f", "..hidden", "...", "x" * 247, "@", "*", "!", "a!$&'()*+,;=:@b"),
]


def sold_under(name: str, link: DigitalLink, directory: Path) -> bytes:
    """Let the file of ``link`` have this name, and stand beside what the name would be if it was decoded once more."""
    digital = Digital.objects.get(pk=link.digital_id)
    kept = directory / "hostile"
    if (decoded := unquote(name)) != name and "\0" not in decoded:
        (kept / decoded).parent.mkdir(parents=True, exist_ok=True)
        (kept / decoded).write_bytes(b"?" * digital.byte_size)
    content = name.encode() + os.urandom(digital.byte_size - len(name.encode()))
    kept.mkdir(exist_ok=True)
    (kept / name).write_bytes(content)
    Digital.objects.filter(pk=digital.pk).update(attachment=f"hostile/{name}")
    return content
