"""Micro-records that would have led to the figures that were published: persons, awards, referrals and calls as rows.

Real people are not needed for it: how many there were of each kind is published, and nothing else of them is made up
but what a row cannot be without. Every person has one award, on a day of the programme: awards are published as of the
end of 2019, persons as of February 2020, so that what persons are more than awards were helped in between.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from api import directory
from api.figures import HotlineYears
from api.settings import DatabaseRole
from domain.codes import CountUnit, NrmRole, OrganisationType, Role
from domain.columns import FOREVER
from domain.figures.commands import EnterFigure
from domain.results.framework import Framework
from tests.world import World

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data" / "published_figures.json"
DAR = "dar-evaluation-2020"
ANNEX = "dar-evaluation-2020-annex"
BEFORE_2020 = datetime(2017, 5, 3, 9, tzinfo=UTC)
IN_2020 = datetime(2020, 2, 3, 9, tzinfo=UTC)
COUNTRIES = ("KZ", "KG", "UZ", "TM", "TJ")

Rows = dict[str, list[dict[str, Any]]]


def published() -> dict[str, Any]:
    """Return what was published."""
    content: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return content


async def with_countries(world: World) -> None:
    """Give every country a coordinator, a hotline and an NGO; the coordinator of Kyrgyzstan is there already."""
    organisations = [
        directory.OrganisationEntry(
            code=f"{country}-{kind}",
            name={"en": f"Fictional {country} {kind}", "ru": kind, "ky": kind},
            type=of_type,
            country=country,
            nrm_roles=[part],
            staff=[directory.StaffEntry(subject=f"{country}-{kind}-staff", role=role)],
        )
        for country in COUNTRIES
        for kind, of_type, part, role in (
            ("COORDINATION", OrganisationType.CENTRAL_GOVERNMENT, NrmRole.COORDINATOR, Role.COORDINATOR),
            ("HOTLINE", OrganisationType.HOTLINE, NrmRole.HOTLINE, Role.HOTLINE_OPERATOR),
            ("NGO", OrganisationType.NGO, NrmRole.SERVICE_PROVIDER, Role.NGO_CASEWORKER),
        )
    ]
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(directory.DirectoryFile(organisations=organisations), session, world.runtime)


@dataclass
class Maker:
    """Makes rows of one country; ids and references are numbers."""

    country: str
    organisations: Mapping[str, UUID]
    staff: UUID
    numbers: Iterator[int]
    rows: Rows

    def put(self, table: str, **columns: Any) -> UUID:
        """Add a row with an id of its own; returns the id."""
        row_id = UUID(int=next(self.numbers))
        self.rows.setdefault(table, []).append({"id": row_id, **columns})
        return row_id

    def person(self, sex: str, victim_type: str, at: datetime, *, agreed: bool = True) -> UUID:
        """Add a person with a case, and their consent to be counted."""
        organisation = self.organisations[f"{self.country}-NGO"]
        case = self.put(
            "cases",
            reference=f"M-{next(self.numbers)}",
            country=self.country,
            owner_organisation_id=organisation,
            entry_channel="ngo",
            victim_type=victim_type,
            sop_versions="{}",
            case_work="active",
            opened_at=at,
            version=1,
        )
        self.put(
            "persons",
            case_id=case,
            sex=sex,
            gender="not_asked",
            age_band="18+",
            age_disputed=False,
            citizenships=[self.country],
            migration_status="not_asked",
            documents_held="not_asked",
            languages=["ru"],
            disability="not_asked",
            age_changed_at=at,
        )
        if agreed:
            self.consent(case, at)
        return case

    def consent(self, case: UUID, at: datetime) -> None:
        """Add a consent to reporting."""
        self.put(
            "consents",
            consent_id=UUID(int=next(self.numbers)),
            version=1,
            case_id=case,
            giver="self",
            decision="given",
            purposes=["support", "reporting"],
            recipients=["any"],
            compartments=["identity"],
            obtained="oral",
            language="ru",
            informed_of=[],
            expires_at=FOREVER,
            recorded_at=at,
            staff_id=self.staff,
            organisation_id=self.organisations[f"{self.country}-NGO"],
        )

    def award(self, case: UUID, victim_type: str, at: datetime) -> None:
        """Add a paid award of the Emergency Fund."""
        award = self.put(
            "awards",
            country=self.country,
            asking_organisation_id=self.organisations[f"{self.country}-NGO"],
            deciding_organisation_id=self.organisations[f"{self.country}-COORDINATION"],
            service="medical",
            population=victim_type,
            ground="state_gives_no_such_service",
            currency="USD",
            amount_asked=10_000,
            amount_granted=10_000,
            status="paid",
            asked_at=at,
            due_at=at + timedelta(days=7),
            decided_at=at,
            paid_at=at,
            version=3,
        )
        self.rows.setdefault("award_cases", []).append({"award_id": award, "case_id": case})

    def referral(self, case: UUID, at: datetime) -> None:
        """Add a referral that was sent."""
        organisation = self.organisations[f"{self.country}-NGO"]
        referral = self.put(
            "referrals",
            reference=f"R-{next(self.numbers)}",
            case_id=case,
            country=self.country,
            step="refer-for-support",
            purpose="support",
            service="psychosocial",
            priority="normal",
            sending_organisation_id=organisation,
            receiving_organisation_id=organisation,
            status="sent",
            compartments=[],
            basis="consent",
            age_band="18+",
            sex="not_asked",
            languages=["ru"],
            created_at=at,
            changed_at=at,
            shared_until=FOREVER,
            version=1,
        )
        self.put(
            "referral_events",
            referral_id=referral,
            case_id=case,
            sequence=1,
            act="send",
            status="sent",
            at=at,
            organisation_id=organisation,
        )

    def call(self, at: datetime) -> None:
        """Add a call to the hotline."""
        self.put(
            "contacts",
            organisation_id=self.organisations[f"{self.country}-HOTLINE"],
            channel="call",
            made_at=at,
            recorded_at=at,
            language="ru",
            topic="employment_abroad",
            heard_of_us="unknown",
            anonymous=True,
            outcome="information_given",
            sop_version="1.0.0",
            version=1,
        )


async def maker(admin: asyncpg.Connection, country: str, numbers: Iterator[int]) -> Maker:
    """Return a maker of rows for a country whose organisations are there."""
    rows = await admin.fetch("SELECT code, id FROM organisations")
    staff = await admin.fetchval("SELECT id FROM staff_members LIMIT 1")
    return Maker(country, {row["code"]: row["id"] for row in rows}, staff, numbers, {})


async def written(admin: asyncpg.Connection, rows: Rows) -> None:
    """Write rows, parents first."""
    for table, entries in rows.items():
        columns = list(entries[0])
        records = [tuple(entry[column] for column in columns) for entry in entries]
        await admin.copy_records_to_table(table, records=records, columns=columns)


async def with_published_records(world: World, admin: asyncpg.Connection) -> None:
    """Write the rows of all countries."""
    await with_countries(world)
    data, numbers = published(), count(10**9)
    of = {one["code"]: one["by_country"] for one in data["indicators"]}
    for country in COUNTRIES:
        making = await maker(admin, country, numbers)
        persons = _awarded(making, data, country, of["2.1"][country][1])
        _approaching_and_referred(making, of, country, persons)
        _calls(making, data, country, of["2.2b"].get(country, (0, 0))[1])
        await written(admin, making.rows)
    await admin.execute("ANALYZE")


def _awarded(making: Maker, data: dict[str, Any], country: str, persons: int) -> list[UUID]:
    """Add the awards of the published table, and in 2020 those to as many persons as are published beyond it."""
    cases = []
    for row in data["emergency_fund_awards"]["rows"]:
        if row["country"] != country:
            continue
        for sex in ("male", "female"):
            for number in range(row[sex]):
                victim_type = _victim_type(row["victim_type"], country, number)
                case = making.person(sex, victim_type, BEFORE_2020)
                making.award(case, victim_type, BEFORE_2020)
                cases.append(case)
    for _ in range(persons - len(cases)):
        case = making.person("not_asked", "trafficking", IN_2020)
        making.award(case, "trafficking", IN_2020)
        cases.append(case)
    return cases


def _victim_type(stated: str | None, country: str, number: int) -> str:
    """Return the kind of victim. Where none is published: victims in Kyrgyzstan, every second one in Turkmenistan."""
    if stated is None:
        return "vulnerable_migrant" if country == "TM" and number % 2 else "trafficking"
    return {"VOT": "trafficking", "VM": "vulnerable_migrant"}[stated]


def _approaching_and_referred(making: Maker, of: dict[str, Any], country: str, cases: list[UUID]) -> None:
    """Add whoever approached the support systems beyond those with an award, and the referrals of victims."""
    approached = of["2.3"][country][1] or of["2.4"].get(country, (0, 0))[1]
    cases = cases + [making.person("not_asked", "trafficking", BEFORE_2020) for _ in range(approached - len(cases))]
    for case in cases[: of["2.4"].get(country, (0, 0))[1]]:
        making.referral(case, BEFORE_2020)


def _calls(making: Maker, data: dict[str, Any], country: str, persons: int) -> None:
    """Add the calls of every published year, and those by which the published total is more in 2020."""
    years = [row for row in data["hotline_years"]["rows"] if row["country"] == country]
    for row in years:
        for _ in range(row["calls"]):
            making.call(datetime(row["year"], 6, 1, tzinfo=UTC))
    for _ in range(persons - sum(row["calls"] for row in years)):
        making.call(IN_2020)


def hand_entered(framework: Framework) -> list[EnterFigure]:
    """Return what cases cannot give: trainings, campaigns, laws, and what the source says against itself."""
    data = published()
    dar = framework.periods["dar"]
    found = [
        _figure(one, country, told[1], dar.first, dar.last)
        for one in framework.indicators
        if one.series is not None and one.key.startswith("dar-") and one.key != "dar-awards"
        for country, told in _by_country(data, one.key).items()
        if not one.counts_in(country)
    ]
    found.append(
        EnterFigure("dar-1-1", CountUnit.PERSONS, framework.region, dar.first, dar.last, 1616, ANNEX, disputed=True)
    )
    years = HotlineYears.model_validate(data["hotline_years"] | {"rows": data["hotline_years"]["rows"]})
    found += [one for row in years.rows for one in row.figures(DAR)]
    bans = (datetime(2017, 1, 1).date(), datetime(2017, 12, 31).date())  # noqa: DTZ001 - days, not instants
    found.append(EnterFigure("hotline-re-entry-bans", CountUnit.REFERRALS, "TJ", *bans, 2243, DAR, disputed=True))
    outcome = data["kyrgyz_outcome_2_2"]
    assert outcome["result"] is None
    found.append(
        EnterFigure("kg-outcome-2-2", CountUnit.PERSONS, "KG", dar.first, dar.last, None, "kg-evaluation-2018")
    )
    return found


def _by_country(data: dict[str, Any], key: str) -> dict[str, tuple[int, int]]:
    found = next(one for one in data["indicators"] if f"dar-{one['code'].replace('.', '-')}" == key)
    return dict(found["by_country"])


def _figure(indicator: Any, country: str, value: int, first: Any, last: Any) -> EnterFigure:
    return EnterFigure(indicator.series, indicator.unit, country, first, last, value, DAR)
