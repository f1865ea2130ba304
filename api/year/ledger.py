"""The records of one case in memory, asked in the same statements as the database.

The commands of the domain run on a session. Here they run on a ledger instead, so that a generated case is decided by
the very same code as a real one, and only the writing is different. A ledger understands the statements that commands
make: `select`, `update`, `delete` and `insert` of our tables with simple conditions. Any other is refused, not guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import product
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Delete, Executable, Select, Table, Update, inspect
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.sql import ColumnElement, operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    CollectionAggregate,
    Grouping,
    Null,
    TextClause,
    UnaryExpression,
)
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.schema import Column
from sqlmodel import SQLModel

Record = TypeVar("Record", bound=SQLModel)
Rows = Mapping[str, Any]
"""One row of each table that a statement reads, by the name of the table; and its parameters, by `:` and their name."""

Value = Callable[[Rows], Any]


BESIDE: Mapping[str, Any] = {"nrm_has_courses": False}
"""What functions of the database say of a generated case: it has nothing beside it."""

BEYOND = ("nrm_waiting_list", "nrm_held_places", "nrm_cancel_events")
"""Functions of the database that look at other cases: a generated case is alone in its ledger, and finds none."""


BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Standing(NamedTuple):
    """The ground of a referral, as the database would say it."""

    basis: str
    consent_id: Any
    consent_version: int | None


class NotUnderstood(RuntimeError):
    """A command made a statement that a ledger does not understand."""


@cache
def _model(table: str) -> type[SQLModel]:
    found = {getattr(model, "__tablename__", ""): model for model in _models(SQLModel)}
    return found[table]


def _models(base: type[SQLModel]) -> Iterator[type[SQLModel]]:
    for model in base.__subclasses__():
        if hasattr(model, "__table__"):
            yield model
        yield from _models(model)


@cache
def _key_names(model: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.key for column in inspect(model).primary_key)


class Answer:
    """What a statement found; has what commands ask of a result."""

    def __init__(self, found: list[Any]) -> None:
        self._found = found

    def __iter__(self) -> Iterator[Any]:
        return iter(self._found)

    def scalars(self) -> "Answer":
        """Return the first value of every row."""
        return Answer([row[0] for row in self._found])

    def all(self) -> list[Any]:
        """Return every row."""
        return self._found

    def first(self) -> Any:
        """Return the first row, or None."""
        return self._found[0] if self._found else None

    def scalar_one_or_none(self) -> Any:
        """Return the first value of the only row, or None.

        Raises:
            NotUnderstood: there are several.
        """
        if len(self._found) > 1:
            raise NotUnderstood("several rows where one was expected")
        return self._found[0][0] if self._found else None

    def scalar_one(self) -> Any:
        """Return the first value of the only row.

        Raises:
            NotUnderstood: there is none, or there are several.
        """
        if len(self._found) != 1:
            raise NotUnderstood("one row was expected")
        return self._found[0][0]


class Ledger:
    """The records of one case, and those that all cases share.

    Args:
        shared: Records that commands may read and never change: the directory.
    """

    def __init__(self, shared: Iterable[SQLModel] = ()) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], SQLModel]] = {}
        self.add_all(shared)

    def rows(self, model: type[Record]) -> list[Record]:
        """Return every record of a kind, in the order in which they were added."""
        return cast("list[Record]", list(self._of(str(model.__tablename__)).values()))

    def of_table(self, table: Table) -> Iterable[SQLModel]:
        """Return every record of a table."""
        return self._of(table.name).values()

    def add(self, record: SQLModel) -> None:
        """Take a new record."""
        model = type(record)
        key = tuple(getattr(record, name) for name in _key_names(model))
        self._of(str(model.__tablename__))[key] = record

    def add_all(self, records: Iterable[SQLModel]) -> None:
        """Take new records."""
        for record in records:
            self.add(record)

    async def flush(self) -> None:
        """Nothing waits to be sent: what was added can be found at once."""

    async def commit(self) -> None:
        """Nothing waits to be written: `loading` writes many cases at once."""

    async def get(self, model: type[Record], key: Any, **_locking: Any) -> Record | None:
        """Return the record with this key, or None."""
        wanted = key if isinstance(key, tuple) else (key,)
        return cast("Record | None", self._of(str(model.__tablename__)).get(wanted))

    async def scalar(self, statement: Executable) -> Any:
        """Return the first value of the first row, or None."""
        found = (await self.execute(statement)).first()
        return None if found is None else found[0]

    async def execute(self, statement: Executable, parameters: Any = None) -> Answer:
        """Do what a statement says.

        Raises:
            NotUnderstood: it is of a kind that no command has made so far.
        """
        match statement:
            case Select():
                plan = _kept_plan(statement) if parameters else _plan(statement)
                return Answer(self._selected(plan, {f":{name}": value for name, value in (parameters or {}).items()}))
            case Update():
                changes = _values(statement)
                for record in self._wanted(statement.table, statement.whereclause):
                    for name, value in changes.items():
                        setattr(record, name, value)
            case Delete():
                rows = self._of(_name(statement.table))
                gone = [id(record) for record in self._wanted(statement.table, statement.whereclause)]
                for key in [key for key, record in rows.items() if id(record) in gone]:
                    del rows[key]
            case Insert():
                self._inserted(statement, parameters if isinstance(parameters, list) else [_values(statement)])
            case TextClause():
                return Answer(self._beyond(str(statement), parameters or {}))
            case _:
                raise NotUnderstood(type(statement).__name__)
        return Answer([])

    def _of(self, table: str) -> dict[tuple[Any, ...], SQLModel]:
        return self._rows.setdefault(table, {})

    def _wanted(self, table: Any, condition: ColumnElement[bool] | None) -> list[SQLModel]:
        holds = _value(condition) if condition is not None else _always
        name = _name(table)
        return [record for record in self._of(name).values() if holds({name: record})]

    def _inserted(self, statement: Insert, rows: list[dict[str, Any]]) -> None:
        model = _model(statement.table.name)
        for given in rows:
            key = tuple(given[name] for name in _key_names(model))
            if key not in self._of(statement.table.name):  # every insert of a command leaves alone what is there
                self.add(model(**given))

    def _beyond(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return what a question about other cases finds: nothing, if it is one of those that may be asked."""
        if any(name in statement for name in BEYOND):
            return []
        if "nrm_hold" in statement:  # nobody else acts, so nothing is waited for
            return [(BEFORE_ALL,)]
        if "nrm_stands" in statement:
            return [self._standing(parameters["referral"])]
        raise NotUnderstood(statement)

    def _standing(self, referral_id: Any) -> "Standing":
        """Return the ground of a referral: where nobody else acts, it stands until the referral is over."""
        referral: Any = self._of("referrals")[(referral_id,)]
        if referral.consent_version_id is None:
            return Standing(referral.basis, None, None)
        consent: Any = self._of("consents")[(referral.consent_version_id,)]
        return Standing(referral.basis, consent.consent_id, consent.version)

    def _selected(self, plan: "Plan", parameters: Rows) -> list[tuple[Any, ...]]:
        found = []
        for records in product(*(self._of(name).values() for name in plan.tables)):
            row = {**parameters, **dict(zip(plan.tables, records, strict=True))}
            if all(test(row) for test in plan.tests):
                found.append(row)
        for by, descending in plan.order:
            found.sort(key=by, reverse=descending)
        return [tuple(one(row) for one in plan.shown) for row in found[: plan.limit]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a `select` asks for.

    Attributes:
        shown: The values of each row of the answer.
        tables: The tables that it reads.
        tests: What must hold.
        order: What to sort by, the least important first, and whether downwards.
        limit: How many rows at most.
    """

    shown: tuple[Value, ...]
    tables: tuple[str, ...]
    tests: tuple[Value, ...]
    order: tuple[tuple[Value, bool], ...]
    limit: int | None


def _values(statement: Any) -> dict[str, Any]:
    """Return what an `insert` or `update` sets."""
    return {column.key: value.value for column, value in statement._values.items()}  # noqa: SLF001 - no public way


def _name(table: Any) -> str:
    return str(table.name)


def _plan(statement: Select[Any]) -> Plan:
    shown, tables = _shown(statement)
    conditions: list[Any] = [] if statement.whereclause is None else [statement.whereclause]
    for target, on, _, _ in statement._setup_joins:  # noqa: SLF001 - there is no public way
        tables.setdefault(cast("Any", target).name)
        conditions.append(on)
    order = reversed(statement._order_by_clauses)  # noqa: SLF001 - there is no public way
    limit = statement._limit_clause  # noqa: SLF001 - there is no public way
    return Plan(
        shown=tuple(shown),
        tables=tuple(tables),
        tests=tuple(_value(condition) for condition in conditions),
        order=tuple(_ordering(clause) for clause in order),
        limit=None if limit is None else cast("BindParameter[int]", limit).value,
    )


_kept_plan = lru_cache(maxsize=64)(_plan)
"""For statements that are made once and asked often: those with parameters."""


def _shown(statement: Select[Any]) -> tuple[list[Value], dict[str, None]]:
    """Return what a statement shows of each row, and the tables that it names."""
    shown: list[Value] = []
    tables: dict[str, None] = {}
    for part in statement._raw_columns:  # noqa: SLF001 - there is no public way
        if isinstance(part, Table):
            shown.append(_record(part.name))
            tables.setdefault(part.name)
        elif isinstance(part, Column):
            shown.append(_value(part))
            tables.setdefault(part.table.name)
        elif isinstance(part, Function) and part.name in BESIDE:
            shown.append(_constant(BESIDE[part.name]))
        else:
            raise NotUnderstood(type(part).__name__)
    return shown, tables


def _ordering(clause: Any) -> tuple[Value, bool]:
    descending = isinstance(clause, UnaryExpression) and clause.modifier is operators.desc_op
    return _value(clause.element if descending else clause), descending


def _record(table: str) -> Value:
    return lambda rows: rows[table]


def _always(_rows: Rows) -> bool:
    return True


COMPARISONS: Mapping[Any, Callable[[Any, Any], bool]] = {
    operators.eq: eq,
    operators.ne: ne,
    operators.lt: lt,
    operators.le: le,
    operators.gt: gt,
    operators.ge: ge,
}


def _value(element: Any) -> Value:
    """Turn an expression into a function of the rows that it is about; NULL compares as false, as in SQL."""
    match element:
        case Column():
            found = _column(element.table.name, element.key)
        case BindParameter():
            found = _parameter(f":{element.key}") if element.required else _constant(element.value)
        case Grouping():
            found = _value(element.element)
        case Null():
            found = _constant(None)
        case BooleanClauseList():
            found = _together(element)
        case BinaryExpression():
            found = _comparison(element)
        case _:
            raise NotUnderstood(type(element).__name__)
    return found


def _constant(value: Any) -> Value:
    return lambda _rows: value


def _together(element: BooleanClauseList) -> Value:
    parts = [_value(part) for part in element.clauses]
    if element.operator is operators.and_:
        return lambda rows: all(part(rows) for part in parts)
    return lambda rows: any(part(rows) for part in parts)


def _parameter(name: str) -> Value:
    return lambda rows: rows[name]


def _column(table: str, name: str) -> Value:
    return lambda rows: getattr(rows[table], name)


def _comparison(element: BinaryExpression[Any]) -> Value:
    left, operator = _value(element.left), element.operator
    if operator is operators.eq and isinstance(element.right, CollectionAggregate):
        several = _value(element.right.element)
        return lambda rows: left(rows) in several(rows)
    right = _value(element.right)
    if operator is operators.is_:
        return lambda rows: left(rows) is right(rows)
    if operator is operators.in_op:
        return lambda rows: left(rows) in right(rows)
    if operator is operators.not_in_op:
        return lambda rows: left(rows) not in right(rows)
    if operator not in COMPARISONS:
        raise NotUnderstood(getattr(operator, "__name__", "an operator"))
    compares = COMPARISONS[operator]

    def compared(rows: Rows) -> bool:
        one, other = left(rows), right(rows)
        return one is not None and other is not None and compares(one, other)

    return compared
