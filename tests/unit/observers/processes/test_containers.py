"""Containers by the names of control groups."""

from __future__ import annotations

import pytest

from sockfilter.observers.processes.containers import container_of

ID = "0123456789abcdef" * 4
UID = "9b4a1f6e-5c2d-4e8f-a1b2-c3d4e5f60718"
LOW = UID.replace("-", "_")
STATIC = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("path", "container", "pod"),
    [
        ("/", None, None),
        ("", None, None),
        ("/user.slice/user-1000.slice/session-3.scope", None, None),
        ("/system.slice/nginx.service", None, None),
        (f"/system.slice/docker-{ID}.scope", ID, None),
        (f"/docker/{ID}", ID, None),
        (f"/system.slice/docker-{ID}.scope/init.scope", ID, None),
        (f"/machine.slice/libpod-{ID}.scope/container", ID, None),
        (f"/machine.slice/libpod-conmon-{ID}.scope", None, None),
        (f"/kubepods.slice/kubepods-pod{LOW}.slice/crio-{ID}.scope", ID, UID),
        (f"/kubepods.slice/kubepods-pod{LOW}.slice/crio-conmon-{ID}.scope", None, UID),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice/cri-containerd-{ID}.scope",
            *(ID, UID),
        ),
        (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{STATIC}.slice", None, STATIC),
        (f"/kubepods/burstable/pod{UID}/{ID}", ID, UID),
        (f"/kubepods/pod{STATIC}/{ID}", ID, STATIC),
        (f"/ecs/task/{ID}", ID, None),
        (f"/docker/{ID[:-1]}", None, None),
        (f"/docker/{ID}0", None, None),
        (f"/docker/{ID.upper()}", None, None),
        ("/podman.slice", None, None),
        (f"/docker/{ID}/docker/{'f' * 64}", "f" * 64, None),  # one in the other: the inner
    ],
)
def test_a_control_group(path: str, container: str | None, pod: str | None):
    assert container_of(reversed(path.split("/"))) == (container, pod)
