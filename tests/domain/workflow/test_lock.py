"""Publishing: what is published never changes."""

from pathlib import Path

import pytest

from domain.workflow import lock
from domain.workflow.files import FileInvalid


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "kg" / "some-sop"
    folder.mkdir(parents=True)
    (folder / "1.0.0.yaml").write_text("sop: some-sop\n", encoding="utf-8")
    (tmp_path / "kg" / "country.yaml").write_text("country: KG\n", encoding="utf-8")
    return tmp_path


def test_new_versions_are_published_once(package: Path) -> None:
    assert lock.publish(package) == ["kg/some-sop/1.0.0.yaml"]
    lock.verify(package)
    assert lock.publish(package) == []
    (package / "kg/some-sop/1.1.0.yaml").write_text("sop: some-sop\n# more\n", encoding="utf-8")
    assert lock.publish(package) == ["kg/some-sop/1.1.0.yaml"]
    assert set(lock.read_lock(package)) == {"kg/some-sop/1.0.0.yaml", "kg/some-sop/1.1.0.yaml"}


def test_what_has_no_version_may_change(package: Path) -> None:
    lock.publish(package)
    (package / "kg/country.yaml").write_text("country: KZ\n", encoding="utf-8")
    lock.verify(package)


def test_a_changed_version_is_never_published_again(package: Path) -> None:
    lock.publish(package)
    before = (package / lock.LOCK).read_bytes()
    (package / "kg/some-sop/1.0.0.yaml").write_text("sop: other\n", encoding="utf-8")
    with pytest.raises(FileInvalid, match=r"published files never change.*kg/some-sop/1\.0\.0\.yaml"):
        lock.publish(package)
    assert (package / lock.LOCK).read_bytes() == before


def test_a_removed_version_stops_publishing(package: Path) -> None:
    lock.publish(package)
    (package / "kg/some-sop/1.0.0.yaml").unlink()
    with pytest.raises(FileInvalid, match="published files never change"):
        lock.publish(package)


@pytest.mark.parametrize("line", ["no digest", f"{'0' * 64} one-space", f"{'0' * 64}  a\n{'1' * 64}  a"])
def test_a_lock_that_cannot_be_read_is_refused(package: Path, line: str) -> None:
    (package / lock.LOCK).write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(FileInvalid, match="not a digest and a path, or named twice"):
        lock.verify(package)
