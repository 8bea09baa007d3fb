"""The configuration file and the variables, and sockfilter config, which shows what they say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sockfilter.cli import settings
from tests.support.command import Done, run
from tests.support.rights import without_rights

NOBODY = 65534


@pytest.fixture
def path() -> Iterator[Path]:
    """Of the file, which is not there yet; everybody may go there."""
    folder = Path(mkdtemp(prefix="sockfilter-test-"))
    folder.chmod(0o755)
    (folder / "sockfilter").mkdir()
    yield folder / "sockfilter/config.toml"
    shutil.rmtree(folder)


def of(path: Path, **variables: str) -> dict[str, str]:
    """The environment that leads there."""
    return {"XDG_CONFIG_HOME": str(path.parent.parent), **variables}


def rows(done: Done) -> dict[str, tuple[str, str]]:
    assert (done.status, done.said) == (0, []), done
    words = [line.split(maxsplit=1) for line in done.lines]
    return {name: tuple(rest.rsplit(maxsplit=1)) for name, rest in words}


def test_nothing_is_configured(path: Path):
    found = rows(run("config", env=of(path)))
    assert list(found) == list(settings.NAMES)
    assert set(found.values()) >= {("(not set)", "default"), ("16384", "default"), ("false", "default")}


def test_what_is_in_force_and_who_says_so(path: Path):
    path.write_text('ports = 8000\nformat = "jsonl"\n')
    found = rows(run("config", env=of(path, SOCKFILTER_FORMAT="raw", SOCKFILTER_RING="8M")))
    assert found["ports"] == ("8000", f"{path}:1")
    assert found["format"] == ("raw", "SOCKFILTER_FORMAT")
    assert found["ring"] == ("8M", "SOCKFILTER_RING")
    assert found["color"] == ("auto", "default")


def test_the_same_for_programs(path: Path):
    path.write_text("\nquiet = true\n")
    done = run("config", "--json", env=of(path, SOCKFILTER_RING="8M"))
    found = json.loads(done.output)
    assert (done.status, found["file"]) == (0, str(path))
    assert list(found["options"]) == list(settings.NAMES)
    assert found["options"]["quiet"] == {"value": True, "source": f"{path}:2"}
    assert found["options"]["ring"] == {"value": 8 << 20, "source": "SOCKFILTER_RING"}
    assert found["options"]["ports"] == {"value": None, "source": "default"}


def test_what_would_command_a_terminal_is_escaped(path: Path):
    path.write_text(r'interface = "\u001b[7m"')
    assert rows(run("config", env=of(path)))["interface"][0] == r"\x1b[7m"


@pytest.mark.parametrize("words", [("-i", "lo"), ("config",), ("config", "--json")])
def test_a_configuration_that_cannot_be_meant(path: Path, words: tuple[str, ...]):
    path.write_text("portz = 80\n")
    done = run(*words, env=of(path))
    said = [f"sockfilter: {path}:1: there is no option 'portz'; did you mean ports?"]
    assert (done.status, done.output, done.said) == (2, b"", said)
    done = run(*words, env={"SOCKFILTER_BODY": "x"})
    assert (done.status, done.said[0].startswith("sockfilter: SOCKFILTER_BODY: body: 'x': ")) == (2, True)


def test_help_and_version_do_not_look(path: Path):
    path.write_text("portz = 80\n")
    for words in ("-h", "--version", "config -h", "doctor -h", "broker -h"):
        assert run(*words.split(), env=of(path)).status == 0


@pytest.mark.usefixtures("root")
def test_a_capture_takes_it(path: Path):
    path.write_text('interface = "lo"\nports = 1\nhost = "127.0.0.1"\n')
    env = of(path, SOCKFILTER_PORTS="2", SOCKFILTER_FAMILY="4", SOCKFILTER_HOST="")
    said = run("--duration", "0.01", "--ports", "3", env=env).said
    assert said[0] == "sockfilter: listening on lo, ports 3, host 127.0.0.1, IPv4; Ctrl-C ends"
    said = run("--duration", "0.01", "-i", "lo", "--no-config", env=env).said
    assert said[0] == "sockfilter: listening on lo; Ctrl-C ends"


@pytest.mark.usefixtures("root")
class TestUnderSudo:
    """Whose file root believes. The rest of what sudo does is not to be seen from here."""

    def listed(self, path: Path, user: int = NOBODY) -> Done:
        return run("config", env=of(path, SUDO_UID=str(user)))

    @pytest.mark.parametrize("owner", [0, NOBODY])
    def test_that_of_who_ran_it_or_of_root(self, path: Path, owner: int):
        path.write_text("ports = 80\n")
        os.chown(path, owner, owner)
        assert rows(self.listed(path))["ports"] == ("80", f"{path}:1")

    def test_that_of_another_user(self, path: Path):
        path.write_text("ports = 80\n")
        os.chown(path, 1, 1)
        done = self.listed(path)
        found = f"reading {path}: it belongs to user 1, not to root or to the user who ran sudo"
        assert (done.status, done.said) == (2, [f"sockfilter: {found}; --no-config ignores the file"])

    @pytest.mark.parametrize("mode", [0o664, 0o646])
    @pytest.mark.parametrize("user", [0, NOBODY])
    def test_one_that_others_may_change(self, path: Path, mode: int, user: int):
        path.write_text("ports = 80\n")
        path.chmod(mode)
        done = self.listed(path, user)
        assert (done.status, len(done.said)) == (2, 1)
        assert f"reading {path}: other users can write to it; fix that: chmod go-w {path};" in done.said[0]

    def test_a_link_to_what_root_alone_may_read(self, path: Path, tmp_path: Path):
        secret = tmp_path / "secret"
        secret.write_text("password = 1\n")
        secret.chmod(0o600)
        path.symlink_to(secret)
        assert "password" not in str(self.listed(path).said)
        copy = path.with_name("secret")
        shutil.copy(secret, copy)
        path.unlink()
        path.symlink_to(copy)
        done = self.listed(path)
        found = f"reading {path}: Permission denied; --no-config ignores the file"
        assert (done.status, done.said) == (2, [f"sockfilter: {found}"])

    def test_a_home_that_may_not_be_entered_has_none(self, path: Path):
        path.write_text("ports = 80\n")
        path.parent.parent.chmod(0o700)
        assert rows(self.listed(path))["ports"] == ("(not set)", "default")


@pytest.mark.usefixtures("root")
def test_without_root_a_file_is_believed_as_it_is(path: Path):
    path.write_text("ports = 80\n")
    path.chmod(0o666)
    done = run("config", env=of(path), prefix=without_rights())
    assert rows(done)["ports"] == ("80", f"{path}:1")
