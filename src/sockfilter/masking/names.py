"""Decides which names belong to secrets: names of fields, parameters, JSON keys, options and variables.

A name is split into words, in any of the usual notations: `X-Goog-Api-Key`, `apiKey`, `user[password]`, `to%6ben`. The
words decide. The result for each name is cached.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.masking.tables import forget
from sockfilter.masking.words import any_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(IntEnum):
    """What a name says about its value.

    OPEN: the value is not a secret.
    DOUBTFUL: the value is a secret if it looks like a key. The name `key`, for example, may also be used in a map.
    SECRET: the value is a secret.
    """

    OPEN = 0
    DOUBTFUL = 1
    SECRET = 2


MASK = "***"

# Names in the cache, and characters of one. They bound the memory that a peer can fill with made-up names.
KEPT_MAX, NAME_MAX = 4096, 128

# a word with this ending makes the value a secret, even if it is joined to other words: csrfmiddlewaretoken, phpsessid
SECRET_END = re.compile(
    r"(?:token|secret|password|passwd|passphrase|passcode|passwort|credential|signature|cookie|bearer|authorization"
    r"|sessionid|sessid|assertion|apikey|authkey|appkey|accesskey|secretkey|privatekey|signingkey|encryptionkey)s?$"
)
# words that make the value a secret; RFC 6749 (OAuth), RFC 7519 (JWT), RFC 6238 (TOTP), RFC 7636 (PKCE's verifier)
SECRET_WORDS = frozenset(
    "auth oauth oauth2 authn authz authentication authenticity session sess jwt jws jwe bearer saml otp totp hotp pin"
    " pwd pw passw pass sig hmac csrf xsrf cvv cvc verifier".split()
)
# a code is a secret after one of these words
SECRET_CODES = frozenset(
    "otp verification auth authorization access security device recovery backup mfa 2fa sms pass login".split()
)
# a key is a secret after one of these words; any other key may be a mere name: sort_key, issueKey
SECRET_KEYS = frozenset(
    "api access secret private auth app application account subscription functions function encryption encrypt signing"
    " sign license licence master shared client customer consumer admin deploy ssh ssl tls rsa session service server"
    " webhook integration rapidapi storage".split()
)
# a key after one of these words is a name, and not a secret
OPEN_KEYS = frozenset(
    "public primary foreign sort partition group cache idempotency surrogate composite unique shard routing row map hot"
    " i18n translation object dedup websocket".split()
)
# a name that begins with one of these is open: the value says whether, how many, or which kind
OPEN_HEADS = frozenset(
    "is has had no max min num count total use uses using with require requires required needs allow allows enable"
    " enabled disable show hide supports".split()
)
# a name that ends with one of these is open: the value only describes a secret: token_type, password-file
OPEN_TAILS = frozenset(
    "type types count counts counter length len size limit limits endpoint uri url urls algorithm algorithms alg algo"
    " method methods expires expired expiry expiration at in ttl age name names policy policies domain path paths file"
    " files dir enabled disabled required supported time timeout timestamp date duration start started version status"
    " format mode kind provider server host port prefix suffix location index usage used consent banner settings"
    " preferences strength rules challenge realm scope scopes level user username email owner login stdin jar helper"
    " header field param parameter result results label title description created updated changed reset verified valid"
    " invalid revoked issuer audience state store storage manager service budget rate position lifetime class group"
    " groups role roles attempts retries error errors message requests".split()
)
# a token after one of these words is a place in a list, or a piece of text: nextPageToken, eos_token, promptTokens
OPEN_TOKENS = frozenset(
    "page next previous continuation sync cursor pagination resume start end stop bos eos pad unk special mask sep"
    " input output prompt completion cached reasoning total cancellation".split()
)
# names that are open although their words say otherwise, with the reason
OPEN_NAMES = frozenset(
    (
        "sec-websocket-key",  # only proves that the server supports WebSocket (RFC 6455, 1.3)
        "signature-input",  # how a signature was made (RFC 9421)
        "accept-signature",
        "www-authenticate",  # challenges: what a server asks for
        "proxy-authenticate",
        "authentication-results",  # a field of mail
        "access-control-allow-credentials",
        "public-key-pins",
    )
)
# names of secrets whose words do not show it
SECRET_NAMES = frozenset(
    (
        "x-amzn-oidc-data",  # a JWT of a load balancer
        "samlart",  # stands for an assertion (SAML 2.0 bindings, 3.6)
    )
)
# a path with a token after bot and a number: /bot123:TOKEN/send
BOT = re.compile(r"/?bot\d+")
# every word above contains one of these, so a name without any of them is open; road/express/secret.c has the same list
STEMS = (
    *("token", "key", "secret", "auth", "sess", "sid", "sig", "pass", "pwd", "pw", "cred", "cookie", "jw", "bearer"),
    *("otp", "pin", "hmac", "srf", "saml", "assert", "code", "cvv", "cvc", "verifier", "oidc", "-pat", "bot"),
)
STEM = any_of(STEMS)
# the stems, and the beginnings of secrets that are recognised by their form (shapes.py)
BEGINNINGS = (
    *("eyj", "ghp-", "gho-", "ghu-", "ghs-", "ghr-", "github-pat-", "glpat-", "-live-", "-test-", "sk-", "xox", "akia"),
    *("asia", "aiza", "ya29.", "hvs.", "hvb.", "hvr.", "npm-", "pypi-", "sg.", "shpat-", "shpca-", "shppa-", "shpss-"),
    *("dop-v1-", "private"),
)
BEGINNING = any_of(BEGINNINGS)
TRACE = any_of((*STEMS, *BEGINNINGS))

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]+|\d+")
ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")

# values that are never secret: those of switches, and those of the option credentials of fetch()
TRIVIAL = frozenset(
    "true false yes no on off 0 1 null nil none undefined include omit same-origin required optional".split()
)
# a plural: a number under such a name is a count
PLURAL = re.compile(r"[^s]s$")
NUMBER = re.compile(r"-?[\d.]+")
# minimum digits of a number that can be a secret
DIGITS_MIN = 4
# minimum characters of a value that looks like a key, and of a short-lived code
KEY_MIN, CODE_MIN = 16, 6
KEY_LIKE = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w+/=.~!$-]+")

# characters of a text whose masked form is cached
TEXT_MAX = 512

_levels: dict[str, Level] = {}
_own: list[tuple[re.Pattern[str], Level]] = []


def set_masking(mask: Iterable[str] = (), unmask: Iterable[str] = ()) -> None:
    """Masks the values of further names, and shows the values of others, everywhere in this process from now on.

    A call replaces the names of earlier calls. A call without arguments restores the built-in names.

    Args:
        mask: names of fields, parameters, JSON keys, options and variables. They are case-insensitive; * matches any
            characters, and - and _ match each other.
        unmask: names in the same form; a name in both lists is shown.

    Raises:
        InvalidArgument: a name is empty, or an argument is a string and not a list.
    """
    mask, unmask = _checked("mask", mask), _checked("unmask", unmask)
    _own[:] = [(_pattern(name), Level.OPEN) for name in unmask] + [(_pattern(name), Level.SECRET) for name in mask]
    _levels.clear()
    forget()


def has_own_names() -> bool:
    """Whether set_masking() has added names."""
    return bool(_own)


def may_hold_secret(text: str) -> bool:
    """Whether a text may contain a secret; a quick test, because most targets have none."""
    if "%" in text:
        text = unquoted(unquoted(text))
    return "@" in text or has_own_names() or bool(TRACE.search(text.lower().replace("_", "-")))


def is_unmasked(name: str) -> bool:
    """Whether set_masking() has unmasked this name."""
    return any(level is Level.OPEN and pattern.fullmatch(bare(name)) for pattern, level in _own)


def level_of(name: str) -> Level:
    """What a name says about its value.

    Args:
        name: the name as sent, in any case, percent-encoded or not.
    """
    level = _levels.get(name)
    if level is not None:
        return level
    level = _decide(name)
    if len(name) <= NAME_MAX:
        if len(_levels) >= KEPT_MAX:
            _levels.clear()
        _levels[name] = level
    return level


def is_secret(name: str, value: str) -> bool:
    """Whether the value of a name must be masked."""
    level = level_of(name)
    return bool(level) and is_worth(name, level, value)


def is_worth(name: str, level: Level, value: str) -> bool:
    """As is_secret(), for a name whose level is known and is not OPEN."""
    if not value or value.lower() in TRIVIAL:
        return False
    if level is Level.DOUBTFUL:
        return looks_like_key(value)
    if NUMBER.fullmatch(value):
        return sum(map(str.isdigit, value)) >= DIGITS_MIN and not PLURAL.search(bare(name))
    return True


def looks_like_key(value: str, least: int = KEY_MIN) -> bool:
    """Whether a value has only the characters of a key, and is too long for a word."""
    return len(value) >= least and bool(KEY_LIKE.fullmatch(value))


def unquoted(text: str) -> str:
    """The text with percent-encoded ASCII decoded; the names of secrets are ASCII."""
    return ENCODED.sub(lambda found: chr(int(found[1], 16)), text) if "%" in text else text


def bare(name: str) -> str:
    """A name in lower case, percent-decoded, with - for _, and without spaces and quotes around it."""
    return unquoted(name).strip(" \t\r\n\0\"'").lower().replace("_", "-")


def _checked(what: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise InvalidArgument(f"{what}={names!r}: it must be a list of names: [{names!r}]")
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not bare(name):
            raise InvalidArgument(f"{what}={names!r}: {name!r} is not a name")
    return names


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, bare(name).split("*"))))


def _decide(name: str) -> Level:
    whole = bare(name)
    for pattern, level in _own:
        if pattern.fullmatch(whole):
            return level
    if whole in OPEN_NAMES or not STEM.search(whole):
        return Level.OPEN
    if whole in SECRET_NAMES or BOT.fullmatch(whole):
        return Level.SECRET
    words = [word.lower() for word in WORD.findall(unquoted(name)[:NAME_MAX])]
    # ignores numbers at the end: password2, X-Hub-Signature-256
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words or words[0] in OPEN_HEADS or (len(words) > 1 and words[-1] in OPEN_TAILS):
        return Level.OPEN
    return max(_level_of_word(at, words) for at in range(len(words)))


def _level_of_word(at: int, words: list[str]) -> Level:
    word, before = words[at], words[at - 1] if at else ""
    if word in ("token", "tokens") and OPEN_TOKENS & set(words[:at]):
        return Level.OPEN
    if SECRET_END.search(word) or word in SECRET_WORDS or (word == "pat" and before):
        return Level.SECRET
    if word in ("code", "codes"):
        return Level.SECRET if before in SECRET_CODES else Level.OPEN
    if word == "sid":
        return Level.DOUBTFUL
    if word.endswith(("key", "keys")):
        return _level_of_key(at, words)
    return Level.OPEN


def _level_of_key(at: int, words: list[str]) -> Level:
    before, behind = words[:at], words[at + 1 :]
    if OPEN_KEYS & set(before):
        return Level.OPEN
    if "id" in behind:
        return Level.SECRET if "access" in before else Level.OPEN
    return Level.SECRET if SECRET_KEYS & set(before) else Level.DOUBTFUL
