"""The ways to let somebody capture who may not, as docs/rights.md describes them: each sees one exchange, as nobody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sockfilter.system.rights import REMEDY
from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.bare_root import ENTER
from tests.support.clients import http_client
from tests.support.command import Sniffer
from tests.support.rights import UNLIMITED, for_everybody
from tests.support.skips import Skip, need_file_system, need_root, need_tool, skip

pytestmark = pytest.mark.usefixtures("root")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/rights.md").read_text()
# tools such as setcap are not on everybody's PATH
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# seconds: a command behind sudo cannot be killed from here, and ends by itself
UNATTENDED_S = 120
TOOL_S = 60
NOBODY = 65534
AS_NOBODY = ("--reuid=nobody", "--regid=65534", "--clear-groups")


def make_environment(folder: Path) -> Path:
    """A virtual environment with sockfilter in it, for everybody. Gives its command."""
    python, packages = for_everybody()
    subprocess.run([python, "-m", "venv", "--without-pip", "--copies", folder], check=True, timeout=TOOL_S)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "packages.pth").write_text("".join(f"{path}\n" for path in packages))
    command = folder / "bin/sockfilter"
    command.write_text(f"#!{folder}/bin/python3\nimport sys\nfrom sockfilter.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    return command


@pytest.fixture(scope="module")
def command() -> Iterator[Path]:
    """As installed into a virtual environment that everybody may use."""
    need_root()
    folder = Path(mkdtemp(prefix="sockfilter-test-"))
    folder.chmod(0o755)
    try:
        yield make_environment(folder / ".venv")
    finally:
        shutil.rmtree(folder)


def sees_one(sites: Sites, *words: str | Path, prefix: tuple[str, ...] = (), uid: int = NOBODY) -> None:
    """The command sees an exchange, as that user, and holds no capability while it does."""
    site = sites.get("python")
    options = ("-i", "lo", "--ports", str(site.port), "-c", "1", "--duration", str(UNATTENDED_S))
    with Sniffer(*options, prefix=prefix, command=[str(word) for word in words]) as sniffer:
        status = status_of(descendants(sniffer.process.pid)[-1])
        assert (status["Uid"], status["CapPrm"], status["NoNewPrivs"]) == ([str(uid)] * 4, ["0" * 16], ["1"])
        http_client(site, [SMALL])
        assert " 200 " in sniffer.line()
        assert sniffer.wait().status == 0


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def descendants(pid: int) -> list[int]:
    """A process and those that it has started, the youngest last."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in descendants(int(child)))]


def test_without_any_it_says_all_three(command: Path):
    done = subprocess.run(
        [need_tool("setpriv"), *AS_NOBODY, command, "-i", "lo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "CAP_NET_RAW and CAP_BPF missing" in done.stderr


@pytest.mark.parametrize("text", [PAGE, REMEDY], ids=["rights.md", "what it says"])
def test_setpriv_with_ambient_capabilities(loopback: Sites, command: Path, text: str):
    found = re.search(r"sudo (setpriv (?:--\S+ )+)", text.replace("$(id -g)", "65534"))
    assert found is not None
    tool, *options = found[1].replace("$USER", "nobody").split()
    sees_one(loopback, need_tool(tool), *options, command, prefix=UNLIMITED)


def unit() -> str:
    """The service of docs/rights.md."""
    found = re.search(r"^```ini\n(\[Unit\].*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_systemd_takes_the_unit(tmp_path: Path, command: Path):
    path = tmp_path / "sockfilter.service"
    path.write_text(re.sub(r"(?<=ExecStart=)\S+", str(command), unit()))
    done = subprocess.run(
        [need_tool("systemd-analyze"), "--man=no", "verify", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=TOOL_S,
    )
    assert (done.returncode, done.stdout, "sockfilter.service" in done.stderr) == (0, "", False), done


def test_what_the_unit_gives_is_enough(loopback: Sites, command: Path):
    """As setpriv gives it."""
    settings = dict(line.split("=", 1) for line in unit().splitlines() if "=" in line)
    assert (settings["DynamicUser"], settings["NoNewPrivileges"]) == ("yes", "yes")

    def sets(name: str) -> str:
        return ",".join(f"+{word.removeprefix('CAP_').lower()}" for word in settings[name].split())

    granted, bounding = sets("AmbientCapabilities"), sets("CapabilityBoundingSet")
    options = (
        f"--inh-caps={granted}",
        f"--ambient-caps={granted}",
        f"--bounding-set=-all,{bounding}",
        "--no-new-privs",
    )
    sees_one(loopback, need_tool("setpriv"), *AS_NOBODY, *options, command, prefix=UNLIMITED)


def test_an_interpreter_with_file_capabilities(loopback: Sites, command: Path):
    tool = shutil.which("setcap", path=SYSTEM_PATH) or skip(Skip.TOOL, "setcap")
    if os.statvfs(command).f_flag & os.ST_NOSUID:
        skip(Skip.KERNEL, "file capabilities on this mount: it is nosuid")
    found = re.search(r"sudo setcap (\S+) \.venv/bin/python3\b", PAGE)
    assert found is not None
    assert "venv --copies" in PAGE
    python = command.parent / "python3"
    subprocess.run([tool, found[1], python], check=True, timeout=TOOL_S)
    try:
        sees_one(loopback, need_tool("setpriv"), *AS_NOBODY, command, prefix=UNLIMITED)
    finally:
        subprocess.run([tool, "-r", python], check=True, timeout=TOOL_S)


# in a root of its own, in memory: a person who may run sudo, at home, with a virtual environment that secure_path hides
SUDOER = """
printf '127.0.0.1 localhost %s\\n' "$(uname -n)" >>/etc/hosts
echo 'somebody:*:4321:4321::/home/somebody:/bin/sh' >>/etc/passwd
echo 'somebody:x:4321:' >>/etc/group
printf 'Defaults env_reset\\nDefaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"\\n' >/etc/sudoers
echo 'somebody ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers
mkdir -p /home/somebody/.config/sockfilter
cd /home/somebody
echo 'verbose = 1' >.config/sockfilter/config.toml
"$1" -m venv --without-pip .venv
printf '%s\\n' "$2" >"$(echo .venv/lib/python3*/site-packages)/packages.pth"
printf '#!%s/.venv/bin/python3\\nimport sys\\nfrom sockfilter.cli import main\\nsys.exit(main())\\n' "$PWD" \\
	>.venv/bin/sockfilter
chmod +x .venv/bin/sockfilter
chown -R 4321:4321 .
line=$3; shift 3
exec setpriv --reuid=4321 --regid=4321 --clear-groups env HOME="$PWD" PATH="$PWD/.venv/bin:/usr/bin:/bin" \\
	sh -c "exec $line \\"\\$@\\"" sh "$@"
"""
SOMEBODY = 4321


def behind_sudo(room: Path, line: str) -> list[str | Path]:
    """What runs a line of a person's shell, with this machine's sudo and their own sudoers."""
    need_file_system("overlay")
    need_tool("sudo")
    python, packages = for_everybody()
    entered = ["env", "HIDDEN=", need_tool("unshare"), "--mount", "sh", "-c", ENTER, "sh", room, "/", ROOT]
    return [*entered, "sh", "-euc", SUDOER, "sh", python, "\n".join(packages), line]


@pytest.mark.parametrize("line", ["sudo .venv/bin/sockfilter", "sudo $(command -v sockfilter)"])
def test_sudo_finds_it_in_a_virtual_environment(loopback: Sites, tmp_path: Path, line: str):
    assert f"{line} " in PAGE
    sees_one(loopback, *behind_sudo(tmp_path, line), uid=SOMEBODY)


def test_sudo_reads_the_configuration_of_who_ran_it(tmp_path: Path):
    line = behind_sudo(tmp_path, "sudo .venv/bin/sockfilter config")
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=TOOL_S)
    assert re.search(r"^verbose +1 +/home/somebody/\.config/sockfilter/config\.toml:1$", done.stdout, re.MULTILINE)


def test_sudo_does_not_find_it_by_its_name(tmp_path: Path):
    """Why docs/rights.md has the longer lines."""
    line = behind_sudo(tmp_path, "sudo sockfilter")
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=TOOL_S)
    assert (done.returncode, "command not found" in done.stderr) == (1, True), done
