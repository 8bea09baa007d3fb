# SPDX-License-Identifier: BSD-3-Clause
"""What bash, zsh and fish complete, made from the parser: options, their values, files, interfaces, namespaces."""

from __future__ import annotations

from tools.command_line import Option, options

# interfaces are links; the driver for bonding puts a file beside them
INTERFACES = "echo any; find /sys/class/net -type l -printf '%f\\n' 2>/dev/null"
NAMESPACES = "ls /run/netns 2>/dev/null"

BASH = """\
# bash completion for sockfilter
_sockfilter() {{
	local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}}
	# --option=value comes as three words
	if [[ $word == = ]]; then
		word=
	elif [[ $option == = ]]; then
		option=${{COMP_WORDS[COMP_CWORD - 2]}}
	fi
	case $option in
{cases}
	esac
	COMPREPLY=($(compgen -W '{words}' -- "$word"))
}}
complete -F _sockfilter sockfilter
"""
ZSH = """\
#compdef sockfilter
_arguments -s \\
{lines}
"""
FISH = """\
# fish completion for sockfilter
complete -c sockfilter -f
{lines}
"""


def bash() -> str:
    """For /usr/share/bash-completion/completions/sockfilter."""
    cases = "\n".join(f"\t{'|'.join(o.words)}) {_bash_values(o)} ;;" for o in options() if o.names or o.choices)
    unknown = "|".join(word for o in options() if o.value and not (o.names or o.choices) for word in o.words)
    cases += f"\n\t{unknown}) return ;;"
    return BASH.format(cases=cases, words=" ".join(word for option in options() for word in option.words))


def _bash_values(option: Option) -> str:
    if option.names == "file":
        return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return'
    lists = {"interface": f'"$({INTERFACES})"', "namespace": f'"$({NAMESPACES})"'}
    values = lists.get(option.names or "", f"'{' '.join(option.choices)}'")
    return f'COMPREPLY=($(compgen -W {values} -- "$word")); return'


def zsh() -> str:
    """For a folder of $fpath, as _sockfilter."""
    return ZSH.format(lines=" \\\n".join(f"  {_zsh_option(option)}" for option in options()))


def _zsh_option(option: Option) -> str:
    if len(option.words) > 1:
        words = f"'({' '.join(option.words)})'{{{','.join(option.words)}}}"
    else:
        words = ("'*'" if option.repeats else "") + option.words[0]
    if not option.value:
        return f"{words}{_zsh_quoted(f'[{_zsh_text(option.help)}]')}"
    equals = "=" if option.words[0].startswith("--") else ""
    actions = {"file": "_files", "interface": "{_net_interfaces; compadd any}", "namespace": f"( $({NAMESPACES}) )"}
    action = actions.get(option.names or "", f"({' '.join(option.choices)})" if option.choices else " ")
    value = _zsh_text(option.value)
    return f"{words}{equals}{_zsh_quoted(f'[{_zsh_text(option.help)}]:{value}:{action}')}"


def _zsh_text(words: str) -> str:
    for sign in "\\:[]":
        words = words.replace(sign, "\\" + sign)
    return words


def _zsh_quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


def fish() -> str:
    """For /usr/share/fish/vendor_completions.d/sockfilter.fish."""
    return FISH.format(lines="\n".join(map(_fish_option, options())))


def _fish_option(option: Option) -> str:
    # -s takes one letter, -l a word
    words = [f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.words]
    lists = {"interface": f"({INTERFACES})", "namespace": f"({NAMESPACES})"}
    values = lists.get(option.names or "", " ".join(option.choices))
    if option.names == "file":
        words.append("-r -F")
    elif option.value:
        words.append("-x" + (f" -a {_fish_quoted(values)}" if values else ""))
    return f"complete -c sockfilter {' '.join(words)} -d {_fish_quoted(option.help)}"


def _fish_quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"
