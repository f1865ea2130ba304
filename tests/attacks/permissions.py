"""The access matrix as data, and as a page for people: `python -m tests.attacks.permissions` writes the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from domain.codes import Role
from tests.attacks.relations import RELATIONS

ROOT = Path(__file__).parents[2]
MATRIX = Path(__file__).with_name("access_matrix.yaml")
PAGE = ROOT / "docs" / "permissions.md"
WORDS = {"+": "yes", "=": "409", "x": "403", "-": "404"}
HEADER = """# Who may do what

Written from `tests/attacks/access_matrix.yaml` by `python -m tests.attacks.permissions`; do not edit. Every cell is a
request that `make attacks` really sends.

`yes`: done, or refused for the state of things alone. `403`: you may not. `404`: for you it does not exist; the answer
is the same, byte for byte, as for what really does not exist. `409`: nothing is open in this state.

A role is always asked first: one that does not have the verb gets `403` whatever it names. Yes on a case does not open
every compartment: that depends on the role and on what the person agreed to (`sops/kg/kg-confidentiality`).

| relation | the asker |
|---|---|
"""


@dataclass(frozen=True)
class Group:
    """Routes that answer alike.

    Attributes:
        rows: Role → one sign for each relation.
    """

    title: str
    routes: tuple[str, ...]
    rows: Mapping[str, str]


def groups() -> tuple[Group, ...]:
    """Return the matrix.

    Raises:
        ValueError: a role stands twice in a group, or a row is not one sign for each relation.
    """
    content = yaml.safe_load(MATRIX.read_text(encoding="utf-8"))
    if content["relations"] != list(RELATIONS) or set(content["signs"]) != set(WORDS):
        raise ValueError("the relations or signs of the matrix are not those of the tests")
    return tuple(
        Group(group["title"], tuple(group["routes"]), dict(_rows(group["title"], group["answers"])))
        for group in content["groups"]
    )


def _rows(title: str, answers: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    roles = [role for named in answers.values() for role in named]
    if sorted(roles) != sorted(Role):
        raise ValueError(f"{title}: every role once")
    for signs, named in answers.items():
        if len(signs) != len(RELATIONS) or not set(signs) <= set(WORDS):
            raise ValueError(f"{title}: one sign for each relation")
        for role in named:
            yield role, signs


def cells() -> dict[tuple[str, str, str], str]:
    """Return route, role and relation → sign.

    Raises:
        ValueError: a route stands in two groups; see `groups` too.
    """
    found: dict[tuple[str, str, str], str] = {}
    for group in groups():
        for route in group.routes:
            for role, signs in group.rows.items():
                for relation, sign in zip(RELATIONS, signs, strict=True):
                    if (route, role, relation) in found:
                        raise ValueError(f"{route} stands in two groups")
                    found[route, role, relation] = sign
    return found


def page() -> str:
    """Return the page."""
    lines = [HEADER.rstrip("\n")]
    lines += [f"| {name.replace('_', ' ')} | {meaning} |" for name, meaning in RELATIONS.items()]
    for group in groups():
        lines += ["", f"## {group.title}", "", *(f"- `{route}`" for route in group.routes), ""]
        lines += ["| role | " + " | ".join(name.replace("_", " ") for name in RELATIONS) + " |"]
        lines += ["|---" * (len(RELATIONS) + 1) + "|"]
        for role in Role:
            words = " | ".join(WORDS[sign] for sign in group.rows[role])
            lines.append(f"| {role.replace('_', ' ')} | {words} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
