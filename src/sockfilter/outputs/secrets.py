"""Secrets, masked in what is printed: the log of a sniffer must not become a key ring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "***"

# fields whose value is a secret; of cookies the names stay, of credentials the scheme
COOKIES = {"cookie", "set-cookie"}
CREDENTIALS = {"authorization", "proxy-authorization"}
KEYS = {"x-api-key", "api-key", "x-auth-token", "x-access-token", "x-csrf-token", "x-amz-security-token"}
FIELDS = COOKIES | CREDENTIALS | KEYS

# parameters of a target that carry keys
PARAMETER = re.compile(
    r"(?i)((?:^|[?&;#])(?:access_token|refresh_token|id_token|token|auth|api[-_]?key|key|secret|client_secret"
    r"|password|passwd|pwd|sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token)=)[^&;#]+"
)
# a password, or a key in place of a name (RFC 3986, 3.2.1); the last @ ends it, whatever is before
USERINFO = re.compile(r"(?i)(^[a-z][a-z0-9+.-]*://(?:[^/?#@:]*:(?=[^/?#]*@))?)[^/?#]+@")
# the same before a host without a scheme, as clients take it
BARE_USERINFO = re.compile(r"(^[^/?#@:=\s]+:)[^/?#@\s]+(?=@)")
# options whose value is a secret, and those that have a name and a password in one
SECRET_OPTION = re.compile(
    r"(?i)(--?(?:[\w-]*[-_])?(?:password|passwd|pass|pwd|passphrase|token|secret|api[-_]?key|access[-_]?key"
    r"|secret[-_]?key|bearer|credentials?))(?:=(.*))?"
)
USER_OPTION = re.compile(r"(-u|-U|--user|--proxy-user|--http-user|--auth)(?:=(.*))?")
COOKIE_OPTION = re.compile(r"(-b|--cookie)(?:=(.*))?")
# NAME_TOKEN=value, as env and containers take it
SECRET_VARIABLE = re.compile(r"(?i)(\w*(?:token|secret|password|passwd|credentials?|_key)=)[^&]+")
FIELD = re.compile(r"(-H|[^:\s]*=)?([A-Za-z][\w-]*): *(.+)", re.DOTALL)
METHOD = re.compile(r"\S+[ \t]+")
# attributes of Set-Cookie, which are no secret (RFC 6265, 4.1.1)
COOKIE_ATTRIBUTES = {"expires", "max-age", "domain", "path", "samesite", "secure", "httponly", "partitioned"}


def mask_target(target: str) -> str:
    """A request's target without the keys in its query and the password in its authority."""
    if "=" in target:
        target = PARAMETER.sub(rf"\1{MASK}", target)
    return USERINFO.sub(rf"\1{MASK}@", target) if "@" in target else target


def mask_query(query: dict[str, list[str] | None]) -> dict[str, list[str] | None]:
    """Parameters without the keys among them. None: one that is not there."""
    return {
        name: [MASK if value else "" for value in values] if values and PARAMETER.match(f"?{name}=x") else values
        for name, values in query.items()
    }


def mask_start_line(line: str) -> str:
    """A first line without the secrets of a request's target."""
    found = METHOD.match(line)
    if not found or line[:5].upper() == "HTTP/":
        return line
    words = line.rstrip()
    before = words[: max(words.rfind(" "), words.rfind("\t"))]
    has_version = words[len(before) + 1 :].upper().startswith("HTTP/")
    start = found.end()
    end = max(start, len(before.rstrip(" \t") if has_version else words))
    return line[:start] + mask_target(line[start:end]) + line[end:]


def mask_field(name: str, value: str) -> str:
    """A field's value without its secret.

    Args:
        name: in any case of letters.
        value: as sent.
    """
    key = name.strip().lower()
    if not value:
        return value
    if key in CREDENTIALS:
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {MASK}" if space else MASK
    if key in COOKIES:
        return "; ".join(_mask_cookie(part, i, key) for i, part in enumerate(re.split(r";\s*", value)))
    if key in KEYS:
        return MASK
    if key in ("referer", "location"):
        return mask_target(value)
    return value


def mask_fields(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields without their secrets."""
    return [(name, mask_field(name, value)) for name, value in fields]


def mask_head(head: bytes) -> bytes:
    """A head as sent, start line and all, without its secrets. Only fields with a secret are changed.

    Also trailers, with an empty line in front.
    """
    start, *lines = head.split(b"\n")
    made = [mask_start_line(start.decode("latin-1")).encode("latin-1")]
    while lines:
        size = 1
        # a line that begins with white space goes on with the value before it (RFC 9112, 5.2)
        while size < len(lines) and lines[size][:1] in (b" ", b"\t"):
            size += 1
        made += _mask_lines(lines[:size])
        del lines[:size]
    return b"\n".join(made)


def _mask_lines(lines: list[bytes]) -> list[bytes]:
    """The lines of one field; it takes one line where it has a secret."""
    raw_name, colon, value = b" ".join(line.strip(b" \t\r") for line in lines).partition(b":")
    if not colon:
        return lines
    text = value.decode("latin-1").strip()
    masked = mask_field(raw_name.decode("latin-1"), text)
    if masked == text:
        return lines
    end = b"\r" if lines[-1].endswith(b"\r") else b""
    return [lines[0].partition(b":")[0] + b": " + masked.encode("latin-1") + end]


def _mask_cookie(part: str, position: int, key: str) -> str:
    name, equals, _ = part.partition("=")
    is_attribute = key == "set-cookie" and position > 0 and name.strip().lower() in COOKIE_ATTRIBUTES
    if is_attribute or not part:
        return part
    return f"{name}={MASK}" if equals else MASK


def mask_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """A command line without its secrets: credentials, fields of requests with some, keys in targets."""
    made: list[str] = []
    mask: Callable[[str], str] = _mask_argument
    for argument in arguments:
        made.append(mask(argument))
        mask = _mask_argument
        for option, masks in OPTIONS.items():
            found = option.fullmatch(argument)
            if found and found[2] is None:
                mask = masks  # of what comes next
            elif found:
                made[-1] = f"{found[1]}={masks(found[2])}"
    return tuple(made)


def _mask_argument(argument: str) -> str:
    found = FIELD.fullmatch(argument)
    if found:
        prefix, name, value = found[1] or "", found[2], found[3]
        masked = mask_field(name, value)
        if masked != value:
            return f"{prefix}{name}: {masked}"
    if argument.startswith("-u") and ":" in argument:
        return f"-u{_mask_user(argument[2:])}"
    return BARE_USERINFO.sub(rf"\1{MASK}", SECRET_VARIABLE.sub(rf"\1{MASK}", mask_target(argument)))


def _mask_user(value: str) -> str:
    """A name and a password; without a colon, a name alone."""
    name, colon, _ = value.partition(":")
    return f"{name}:{MASK}" if colon else value


def _mask_cookies(value: str) -> str:
    """Cookies; without an equals sign, a file of them."""
    return mask_field("cookie", value) if "=" in value else value


def _mask_all(value: str) -> str:
    return MASK


OPTIONS = {SECRET_OPTION: _mask_all, USER_OPTION: _mask_user, COOKIE_OPTION: _mask_cookies}
