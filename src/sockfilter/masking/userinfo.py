"""Masks passwords before the host of a URL."""

from __future__ import annotations

import re

from sockfilter.masking.names import MASK

# a name and a password, or a key instead of a name, before a host (RFC 3986, 3.2.1); the last @ ends them
USERINFO = re.compile(r"//([^/?#\s\"'<>]*)@")
# the same without a scheme, as clients and CONNECT accept it; not the digest of an image, and not a mail address
BARE_USERINFO = re.compile(r"^(?!(?:mailto|sips?|xmpp|acct):)([^/?#@:=\s]+:)[^/?#@\s]+(?=@)(?!@sha\d+:)")


def mask_userinfo(text: str) -> str:
    """A text with the passwords in its URLs masked."""
    return USERINFO.sub(_without_password, text) if "@" in text else text


def _without_password(found: re.Match[str]) -> str:
    name, colon, password = found[1].partition(":")
    if colon:
        return f"//{name}:{MASK if password else ''}@"
    return f"//{MASK}@" if name else found[0]
