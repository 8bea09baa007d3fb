"""Masks secrets in command lines: in options, URLs, fields, data and assignments, and in commands within commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.masking.fields import mask_field
from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import MASK, NAME_MAX, Level, bare, is_worth, level_of
from sockfilter.masking.shapes import mask_shapes
from sockfilter.masking.urls import mask_form, mask_target
from sockfilter.masking.userinfo import BARE_USERINFO, mask_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable

    Masker = Callable[[str], str]

# levels of commands within commands that are searched
DEPTH_MAX = 2
# characters of an argument that is searched as a command or a script; a longer argument is cut there
SCRIPT_MAX = 16384

LONG = re.compile(rf"(--?|/)([A-Za-z][\w.-]{{1,{NAME_MAX}}})(?:([=:])(.*))?", re.DOTALL)
# several letters in one option, the last of which takes a value, as in curl -sSu u:p or -bsid=x
CLUSTER = re.compile(r"-([a-zA-Z#0-9]*?)([uUbHdFexEA])(.*)", re.DOTALL)
ASSIGNMENT = re.compile(rf"([A-Za-z_][\w.-]{{0,{NAME_MAX}}})=(.*)", re.DOTALL)
FIELD = re.compile(r"((?:-H|[^:\s]*=)?)([A-Za-z][\w-]*)(: *)(?!//)(.+)", re.DOTALL)
# a word of a command that is in an argument, quoted or not
WORD = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s\"']+)")
# in source code: {'Authorization': 'Bearer X'}, os.environ["TOKEN"] = "X"
SOURCE = re.compile(rf"([A-Za-z_][\w.-]{{0,{NAME_MAX}}})([\"']?\]?\s*[:=]\s*)([\"'])([^\"']+)\3")
PATH = re.compile(r"[~.]{0,2}/.*|.*\.(?:pem|key|crt|cer|pub|p12|pfx|json|ya?ml|txt|env|conf)|[-@].{0,1}", re.DOTALL)
# programs whose arguments are search terms, titles or prose, and thus no secrets
SEARCHES = frozenset(
    "grep egrep fgrep rg ag ack man which whereis apropos passwd find locate git echo printf logger".split()
)
# programs that start another program
WRAPPERS = frozenset("env sudo doas exec nohup time timeout xargs ssh watch strace ltrace nice ionice setsid".split())
# options whose value is a name and a password; below, those whose value is cookies, a field, or data
USERS = frozenset("user proxy-user http-user auth basic-auth userpwd u U".split())
COOKIES = frozenset(("cookie", "cookies", "b"))
FIELDS = frozenset("header proxy-header rpc-header reflect-header H".split())
DATA = frozenset(
    "data data-raw data-ascii data-binary data-urlencode form form-string json post-data body-data body"
    " url-query d F".split()
)
CERTS = frozenset(("cert", "proxy-cert", "E"))
WORDS_AFTER = frozenset(("password", "passwd", "passphrase"))
MYSQL = "mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mariadb mariadb-dump mariadb-admin mycli"
MONGO = "mongosh mongo mongodump mongorestore mongoexport mongoimport"
LOGINS = "docker podman nerdctl skopeo helm oc buildah crane"
LDAP = "ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd"
HTTPIE = frozenset(("http", "https", "httpie", "xh", "xhs"))
# letters of options whose value is a password, by program
LETTERS = {
    **dict.fromkeys(f"{MONGO} {LOGINS} {MYSQL} sshpass 7z 7za rar unrar rdesktop ncftpget".split(), "p"),
    **dict.fromkeys(LDAP.split(), "w"),
    **dict.fromkeys("zip unzip sqlcmd bcp ipmitool".split(), "P"),
    **dict.fromkeys("redis-cli valkey-cli keydb-cli".split(), "a"),
    **dict.fromkeys("snmpwalk snmpget snmpset".split(), "cAX"),
    "openssl": "kK",
}
# programs whose options have their value always in the next word; below, programs that never do
APART = frozenset(("openssl", "redis-cli", "valkey-cli", "keydb-cli", "ldapsearch", *MONGO.split(), *LOGINS.split()))
ATTACHED = frozenset(f"{MYSQL} 7z 7za rar unrar".split())


def mask_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """A command line with secrets masked."""
    return tuple(map(mask_shapes, _mask_command(list(arguments), DEPTH_MAX)))


def _mask_command(words: list[str], depth: int) -> list[str]:
    made: list[str] = []
    program = words[0].rpartition("/")[2] if words else ""
    behind: Masker | None = None  # masks the next word
    for at, word in enumerate(words):
        if behind is not None:
            made.append(behind(word))
            behind = None
            continue
        masked, behind = (None, None) if not at else _mask_option(word, program, words)
        made.append(_mask_word(word, depth) if masked is None else masked)
        if at and behind is None and masked is None and program not in SEARCHES:
            behind = _after(word, words[:at])
        is_plain = at and masked is None and word[:1] != "-" and "=" not in word and not word[:1].isdigit()
        if program in WRAPPERS and is_plain:
            program = word.rpartition("/")[2]
    return made


def _after(word: str, before: list[str]) -> Masker | None:
    """The masker of the word after one that is no option: password X, aws configure set aws_secret_access_key X."""
    if word.lower() in WORDS_AFTER:
        return _mask_unless_option
    if before[0].rpartition("/")[2] == "vault" and before[-1:] == ["vault"] and word == "login":
        return _mask_unless_option
    if "_" in word and word.replace("_", "").isalnum() and level_of(word) is Level.SECRET:
        return _mask_unless_option
    return None


def _mask_option(word: str, program: str, words: list[str]) -> tuple[str | None, Masker | None]:
    """The word, masked, if it is an option with its value; and the masker of the next word, if that is the value."""
    letters = LETTERS.get(program, "")
    if len(word) > 1 and word[0] == "-" and word[1] in letters and (program not in LOGINS.split() or "login" in words):
        if len(word) > 2 and program not in APART:  # a hyphen and a letter
            return f"{word[:2]}{MASK}", None
        if len(word) == 2:
            return word, None if program in ATTACHED else _mask_all
    if program in HTTPIE and word == "-a":
        return word, _mask_all if "bearer" in words else _mask_user
    if program == "smbclient" and word == "-U":
        return word, lambda value: _mask_user(value, "%")
    found = LONG.fullmatch(word)
    if found and (found[1] != "/" or (found[3] and "/" not in word[1:])):
        masker = _masker_of(found[2], found[1])
        if masker is not None:
            if found[3] is None:
                return (word, masker) if found[1] != "/" else (None, None)
            return f"{found[1]}{found[2]}{found[3]}{masker(found[4])}", None
        if found[3] and found[1] == "--":
            return f"--{found[2]}{found[3]}{_mask_word(found[4], 1)}", None
    if not found or found[1] != "--":
        return _mask_cluster(word)
    return None, None


def _mask_cluster(word: str) -> tuple[str | None, Masker | None]:
    found = CLUSTER.fullmatch(word)
    masker = _masker_of(found[2], "-") if found else None
    if found is None or masker is None:
        return None, None
    if not found[3]:
        return word, masker
    return f"-{found[1]}{found[2]}{masker(found[3])}", None


def _masker_of(name: str, dashes: str) -> Masker | None:
    """The masker of an option's value; None if the value is never a secret."""
    if name in USERS or (dashes == "-" and name == "A"):
        return _mask_user
    if name in COOKIES:
        return _mask_cookies
    if name in FIELDS:
        return _mask_field
    if name in DATA:
        return _mask_data
    if name in CERTS:
        return _mask_user
    level = level_of(name)
    if level is Level.SECRET:
        return _mask_key if bare(name).endswith(("key", "cert")) else _mask_unless_option
    if name == "key":
        return _mask_key
    return (lambda value: MASK if is_worth(name, level, value) else value) if level else None


def _mask_word(word: str, depth: int) -> str:
    """Masks a word that is not an option."""
    found = FIELD.fullmatch(word) if ":" in word and "\n" not in word else None
    if found:
        masked = mask_field(found[2], found[4])
        if masked != found[4]:
            return f"{found[1]}{found[2]}{found[3]}{masked}"
    found = ASSIGNMENT.fullmatch(word)
    if found:
        level = level_of(found[1])
        if level and is_worth(found[1], level, found[2]) and not PATH.fullmatch(found[2]):
            return f"{found[1]}={MASK}"
    if any(blank in word for blank in " \t\n") and depth:
        return _mask_script(word, depth - 1)
    word = mask_target(word) if "\n" not in word else mask_userinfo(word)
    if word[:1] != "/":
        word = BARE_USERINFO.sub(rf"\1{MASK}", word)
    return mask_shapes(mask_json(word))


def _mask_script(text: str, depth: int) -> str:
    """Masks a command or a script in one argument."""
    rest = text[SCRIPT_MAX:]
    text = SOURCE.sub(_without_value, mask_json(text[:SCRIPT_MAX]))
    found = list(WORD.finditer(text))
    words = [next(group for group in one.groups() if group is not None) for one in found]
    parts, end = [], 0
    begins = 0
    masked: list[str] = []
    for at in range(len(words) + 1):
        # another command begins after ; | & and the like
        if at == len(words) or words[at] in (";", "|", "||", "&&", "&") or words[at].endswith(";"):
            masked += _mask_command(words[begins : at + 1], depth)
            begins = at + 1
    for one, before, behind in zip(found, words, masked, strict=True):
        if before != behind:
            at = one.start(one.lastindex or 0)
            parts += [text[end:at], behind]
            end = at + len(before)
    return mask_shapes(mask_userinfo("".join(parts) + text[end:])) + ("..." if rest else "")


def _without_value(found: re.Match[str]) -> str:
    name, sign, quote, value = found.groups()
    masked = mask_field(name, value) if level_of(name) is Level.SECRET else value
    return f"{name}{sign}{quote}{masked}{quote}"


def _mask_user(value: str, sign: str = ":") -> str:
    """Masks the password after a name; without a colon, there is only a name."""
    name, colon, password = value.partition(sign)
    if name.isdecimal() and password.isdecimal():
        return value  # uid and gid
    return f"{name}{colon}{MASK}" if password else value


def _mask_cookies(value: str) -> str:
    """Masks cookies; without an equals sign, the value is the name of a file."""
    return mask_field("cookie", value) if "=" in value else _mask_field(value)


def _mask_field(value: str) -> str:
    found = FIELD.fullmatch(value)
    return f"{found[1]}{found[2]}{found[3]}{mask_field(found[2], found[4])}" if found else value


def _mask_data(value: str) -> str:
    """Masks JSON or a form."""
    return mask_json(value) if value[:1] in ("{", "[") else mask_form(value)


def _mask_key(value: str) -> str:
    """Masks a key; the name of a file with a key is not a secret."""
    return value if PATH.fullmatch(value) else MASK


def _mask_unless_option(value: str) -> str:
    return value if value.startswith("--") or not value or value in ("-", "|", "&&", ";") else MASK


def _mask_all(value: str) -> str:
    return MASK
