"""The source tree as the architecture tests read it."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "auth", "domain")
NOT_OURS = {
    ".git",
    ".venv",
    ".venv-bench",
    ".nrm",
    ".ruff_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
    "__pycache__",
    "node_modules",
    "dist",
    "secrets",
}


@functools.cache
def files() -> tuple[Path, ...]:
    """Return every file of the tree that is ours, relative to its root."""

    def below(folder: Path) -> Iterator[Path]:
        for entry in sorted(folder.iterdir()):
            if entry.name in NOT_OURS or entry.name.endswith(".egg-info") or entry.name.startswith(".coverage"):
                continue
            if entry.is_dir() and not entry.is_symlink():
                yield from below(entry)
            elif entry.is_file():
                yield entry.relative_to(ROOT)

    return tuple(below(ROOT))


@functools.cache
def text(path: Path) -> str:
    """Return a file's text; bytes that are none are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@functools.cache
def syntax(path: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(text(path), str(path))


def python(*folders: str) -> list[Path]:
    """Return the Python files of the tree, or of some of its folders."""
    return [path for path in files() if path.suffix == ".py" and (not folders or path.parts[0] in folders)]


def calls(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file calls."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
