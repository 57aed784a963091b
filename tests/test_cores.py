"""Cores that may be used: of the machine, by the affinity mask, by the quota of a control group."""

import os

import pytest

from segue.cores import usable_cores


@pytest.fixture
def sixteen(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{text}\n")


def cores(tmp_path, membership):
    (tmp_path / "cgroup").write_text(membership)
    return usable_cores(tmp_path / "cgroup", tmp_path / "groups")


@pytest.mark.usefixtures("sixteen")
@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 16),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("no sense", 16),
        ("0 0", 16),
    ],
)
def test_a_container_has_the_cores_of_its_quota(tmp_path, quota, expected):
    group(tmp_path / "groups", cpu_max=quota)
    assert cores(tmp_path, "0::/\n") == expected


@pytest.mark.usefixtures("sixteen")
def test_the_tightest_of_the_groups_above_counts(tmp_path):
    group(tmp_path / "groups" / "job" / "step", cpu_max="max 100000")
    group(tmp_path / "groups" / "job", cpu_max="400000 100000")
    group(tmp_path / "groups", cpu_max="800000 100000")
    assert cores(tmp_path, "0::/job/step\n") == 4


@pytest.mark.usefixtures("sixteen")
@pytest.mark.parametrize("path", ["cpu,cpuacct:/", "cpu,cpuacct:/docker/0123", "cpuacct,cpu:/"])
def test_the_older_kind_of_groups_is_understood(tmp_path, path):
    group(tmp_path / "groups" / "cpu,cpuacct", cpu_cfs_quota_us="300000", cpu_cfs_period_us="100000")
    (tmp_path / "groups" / "cpu").symlink_to("cpu,cpuacct")
    assert cores(tmp_path, f"5:memory:/\n4:{path}\n0::/\n") == 3


@pytest.mark.usefixtures("sixteen")
def test_no_quota_leaves_the_affinity_mask(tmp_path):
    group(tmp_path / "groups" / "cpu", cpu_cfs_quota_us="-1", cpu_cfs_period_us="100000")
    assert cores(tmp_path, "4:cpu:/\nno sense\n") == 16


def test_without_control_groups_and_masks_every_core_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores(tmp_path / "none", tmp_path) == 64
