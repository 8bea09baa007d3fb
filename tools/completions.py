# SPDX-License-Identifier: BSD-3-Clause
"""Completions for bash, zsh and fish, generated from the parsers: commands, options and values."""

from __future__ import annotations

from collections.abc import Sequence

from tools.command_line import Option, commands, options

# interfaces are links; the driver for bonding puts a file beside them
INTERFACES = "echo any; find /sys/class/net -type l -printf '%f\\n' 2>/dev/null"
NAMESPACES = "ls /run/netns 2>/dev/null"

BASH = """\
# bash completion for sockfilter
_sockfilter() {{
	local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}} words
	# --option=value comes as three words
	if [[ $word == = ]]; then
		word=
	elif [[ $option == = ]]; then
		option=${{COMP_WORDS[COMP_CWORD - 2]}}
	fi
	case $((COMP_CWORD > 1)):${{COMP_WORDS[1]}} in
{cases}
	esac
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _sockfilter sockfilter
"""
BASH_CASE = """\
	{pattern})
		case $option in
{cases}
		esac
		words='{words}' ;;"""
ZSH = """\
#compdef sockfilter
if (( CURRENT > 2 )); then
	case $words[2] in
{cases}
	esac
fi
_arguments -s \\
  {first} \\
{lines}
"""
ZSH_CASE = """\
	{name})
		shift words; (( CURRENT-- ))
		_arguments -s \\
{lines}
		return ;;"""
FISH = """\
# fish completion for sockfilter
complete -c sockfilter -f
{lines}
"""


def bash() -> str:
    """Returns the script for /usr/share/bash-completion/completions/sockfilter."""
    cases = [_bash_case(f"1:{command.name}", command.options) for command in commands()]
    names = [command.name for command in commands()]
    return BASH.format(cases="\n".join([*cases, _bash_case("0:*", options(), names), _bash_case("*", options())]))


def _bash_case(pattern: str, members: Sequence[Option], names: Sequence[str] = ()) -> str:
    cases = [f"\t\t{'|'.join(o.words)}) {_bash_values(o)} ;;" for o in members if o.names or o.choices]
    unknown = "|".join(word for o in members if o.value and not (o.names or o.choices) for word in o.words)
    cases += [f"\t\t{unknown}) return ;;"] if unknown else []
    words = " ".join([*(word for option in members for word in option.words), *names])
    return BASH_CASE.format(pattern=pattern, cases="\n".join(cases), words=words)


def _bash_values(option: Option) -> str:
    if option.names == "file":
        return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return'
    lists = {"interface": f'-W "$({INTERFACES})"', "namespace": f'-W "$({NAMESPACES})"', "user": "-u"}
    values = lists.get(option.names or "", f"-W '{' '.join(option.choices)}'")
    return f'COMPREPLY=($(compgen {values} -- "$word")); return'


def zsh() -> str:
    """Returns the script for a folder in $fpath, where its name is _sockfilter."""
    cases = "\n".join(ZSH_CASE.format(name=c.name, lines=_zsh_lines(c.options, "\t\t  ")) for c in commands())
    names = " ".join(f'{command.name}\\:"{command.help}"' for command in commands())
    return ZSH.format(cases=cases, first=_zsh_quoted(f"1::command:(({names}))"), lines=_zsh_lines(options(), "  "))


def _zsh_lines(members: Sequence[Option], indent: str) -> str:
    return " \\\n".join(f"{indent}{_zsh_option(option)}" for option in members)


def _zsh_option(option: Option) -> str:
    spelled = [word + ("=" if option.value and word.startswith("--") else "") for word in option.words]
    if option.repeats:
        words = f"'*'{spelled[0]}" if len(spelled) == 1 else f"'*'{{{','.join(spelled)}}}"
    else:
        words = spelled[0] if len(spelled) == 1 else f"'({' '.join(option.words)})'{{{','.join(spelled)}}}"
    if not option.value:
        return f"{words}{_zsh_quoted(f'[{_zsh_text(option.help)}]')}"
    actions = {
        "file": "_files",
        "interface": "{_net_interfaces; compadd any}",
        "namespace": f"( $({NAMESPACES}) )",
        "user": "_users",
    }
    action = actions.get(option.names or "", f"({' '.join(option.choices)})" if option.choices else " ")
    value = _zsh_text(option.value)
    return f"{words}{_zsh_quoted(f'[{_zsh_text(option.help)}]:{value}:{action}')}"


def _zsh_text(words: str) -> str:
    for sign in "\\:[]":
        words = words.replace(sign, "\\" + sign)
    return words


def _zsh_quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


def fish() -> str:
    """Returns the script for /usr/share/fish/vendor_completions.d/sockfilter.fish."""
    names = " ".join(command.name for command in commands())
    lines = [
        f"complete -c sockfilter -n __fish_use_subcommand -a {c.name} -d {_fish_quoted(c.help)}" for c in commands()
    ]
    lines += [_fish_option(option, f"not __fish_seen_subcommand_from {names}") for option in options()]
    for command in commands():
        lines += [_fish_option(option, f"__fish_seen_subcommand_from {command.name}") for option in command.options]
    return FISH.format(lines="\n".join(lines))


def _fish_option(option: Option, condition: str) -> str:
    # -s takes one letter, -l a word
    words = [f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.words]
    lists = {"interface": f"({INTERFACES})", "namespace": f"({NAMESPACES})", "user": "(__fish_complete_users)"}
    values = lists.get(option.names or "", " ".join(option.choices))
    if option.names == "file":
        words.append("-r -F")
    elif option.value:
        words.append("-x" + (f" -a {_fish_quoted(values)}" if values else ""))
    return f"complete -c sockfilter -n {_fish_quoted(condition)} {' '.join(words)} -d {_fish_quoted(option.help)}"


def _fish_quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"
