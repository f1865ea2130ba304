"""The lock files: every package pinned and hashed, no address, and everything that is declared is in them."""

import json
import re
import tomllib

import pytest

from tests.architecture import tree

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
BENCH = "requirements-bench.lock"
"""What the benchmark compares with, beside the developers' environment."""
ADDRESS = re.compile(r"[a-z+]+://|^\s*--(?!hash=)|^-[a-z]\b| @ ", re.MULTILINE)
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==([^\s;\\]+)", re.MULTILINE)


def lock(name: str) -> str:
    return (tree.ROOT / name).read_text()


def normal(name: str) -> str:
    """Return a package's name as the packaging standard compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", [*LOCKS, BENCH])
def test_a_lock_names_no_address(name: str) -> None:
    without_hashes = re.sub(r"^\s+--hash=sha256:[0-9a-f]{64}( \\)?$", "", lock(name), flags=re.MULTILINE)
    assert ADDRESS.findall(without_hashes) == []


@pytest.mark.parametrize("name", [*LOCKS, BENCH])
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    entries = [entry for entry in re.split(r"^(?=\S)", lock(name), flags=re.MULTILINE) if entry[:1] not in {"", "#"}]
    assert entries
    assert [entry for entry in entries if not PINNED.match(entry) or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_agree_with_each_other(name: str) -> None:
    everything = dict(PINNED.findall(lock("requirements-dev.lock")))
    assert {package: version for package, version in PINNED.findall(lock(name)) if everything[package] != version} == {}


def test_everything_that_is_declared_is_locked() -> None:
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())
    runtime = {normal(re.split(r"[\[><=;~! ]", item)[0]) for item in project["project"]["dependencies"]}
    dev = {normal(re.split(r"[\[><=;~! ]", item)[0]) for item in project["dependency-groups"]["dev"]}
    build = {normal(item) for item in project["build-system"]["requires"]}
    assert runtime <= {normal(package) for package, _ in PINNED.findall(lock("requirements.lock"))}
    assert runtime | dev <= {normal(package) for package, _ in PINNED.findall(lock("requirements-dev.lock"))}
    assert build <= {normal(package) for package, _ in PINNED.findall(lock("requirements-build.lock"))}


def test_the_lock_of_the_packages_that_check_the_contract_names_no_registry() -> None:
    content = json.loads((tree.ROOT / "openapi" / "clients" / "package-lock.json").read_text())
    packages = {path: one for path, one in content["packages"].items() if path}
    assert len(packages) > 100
    assert [path for path, one in packages.items() if "resolved" in one or "integrity" not in one] == []
