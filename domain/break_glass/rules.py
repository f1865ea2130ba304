"""Pure decisions about emergency access."""

from collections.abc import Collection

from domain.codes import Compartment, Role
from domain.workflow.access import AccessRules


def may_break(rules: AccessRules | None, role: Role, compartment: Compartment) -> bool:
    """Whether the country's data name the role, and the compartment for it; without data nobody may."""
    return rules is not None and compartment in rules.break_glass.roles.get(role, ())


def is_independent(rules: AccessRules | None, nrm_roles: Collection[str]) -> bool:
    """Whether an organisation with these roles in the mechanism is one of the country's independent bodies."""
    return rules is not None and rules.independent.nrm_role in nrm_roles
