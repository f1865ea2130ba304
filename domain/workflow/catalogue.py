"""The procedures, profiles, indicator sets and labels of every country package, read once and never changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar

from domain.codes import Compartment, Language
from domain.errors import NotFound
from domain.statistics.catalogue import Declared, Statistics
from domain.workflow import lock
from domain.workflow.access import AccessRules
from domain.workflow.calendar import Calendar
from domain.workflow.confidentiality import Confidentiality
from domain.workflow.country import CountryProfile
from domain.workflow.files import FileInvalid, parse, read
from domain.workflow.indicators import IndicatorSet
from domain.workflow.messages import CodeLabels, Messages
from domain.workflow.retention import Retention
from domain.workflow.sop import Sop

Key = TypeVar("Key")
Value = TypeVar("Value")
Versioned = tuple[str, str]
"""The key and the version of a file."""

File = Sop | Confidentiality | IndicatorSet | Retention | Statistics
_KINDS: Mapping[str, type[File]] = MappingProxyType(
    {
        "sop": Sop,
        "profile": Confidentiality,
        "indicator_set": IndicatorSet,
        "retention": Retention,
        "statistics": Statistics,
    }
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that the data files say; `load` is the way to make one."""

    profiles: Mapping[str, CountryProfile]
    access: Mapping[str, AccessRules]
    sops: Mapping[Versioned, Sop]
    confidentialities: Mapping[Versioned, Confidentiality]
    retentions: Mapping[Versioned, Retention]
    indicator_sets: Mapping[Versioned, IndicatorSet]
    declarations: Mapping[Versioned, Statistics]
    codes: CodeLabels
    messages: Messages
    calendars: Mapping[str, Calendar]

    @classmethod
    def load(cls, root: Path, *, verify_lock: bool = True) -> Self:
        """Read every country package below a folder.

        Args:
            root: The folder `sops`.
            verify_lock: Whether to refuse files that are not exactly as published; only a draft is read without it.

        Raises:
            FileInvalid: a file is changed, unpublished, absent, or does not fit its model.
        """
        if verify_lock:
            lock.verify(root)
        profiles = [read(path, CountryProfile) for path in sorted(root.glob("*/country.yaml"))]
        access = [read(path, AccessRules) for path in sorted(root.glob("*/access.yaml"))]
        files = [_file(root / path) for path in lock.versioned_files(root)]
        catalogue = cls(
            profiles=MappingProxyType({profile.country: profile for profile in profiles}),
            access=MappingProxyType({rules.country: rules for rules in access}),
            sops=MappingProxyType({(one.sop, one.version): one for one in files if isinstance(one, Sop)}),
            confidentialities=MappingProxyType(
                {(one.profile, one.version): one for one in files if isinstance(one, Confidentiality)}
            ),
            retentions=MappingProxyType(
                {(one.retention, one.version): one for one in files if isinstance(one, Retention)}
            ),
            indicator_sets=MappingProxyType(
                {(one.indicator_set, one.version): one for one in files if isinstance(one, IndicatorSet)}
            ),
            declarations=MappingProxyType(
                {(one.statistics, one.version): one for one in files if isinstance(one, Statistics)}
            ),
            codes=read(root / "codes.yaml", CodeLabels),
            messages=read(root / "messages.yaml", Messages),
            calendars=MappingProxyType({profile.country: profile.working_calendar() for profile in profiles}),
        )
        catalogue._refuse_dangling()
        return catalogue

    def sop(self, key: str, version: str) -> Sop:
        """One version of a procedure.

        Raises:
            NotFound: there is no such version.
        """
        return _found(self.sops, (key, version))

    def indicator_set(self, key: str, version: str) -> IndicatorSet:
        """One version of an indicator set.

        Raises:
            NotFound: there is no such version.
        """
        return _found(self.indicator_sets, (key, version))

    def profile(self, country: str) -> CountryProfile:
        """The profile of a country, by its ISO 3166-1 code.

        Raises:
            NotFound: there is no package for this country.
        """
        return _found(self.profiles, country)

    def with_budgets_times(self, factor: int) -> Self:
        """Return the same catalogue with so much greater budgets."""
        wider = {country: rules.times(factor) for country, rules in self.access.items()}
        return replace(self, access=MappingProxyType(wider))

    def calendar(self, country: str) -> Calendar:
        """The calendar of a country.

        Raises:
            NotFound: there is no package for this country.
        """
        return _found(self.calendars, country)

    def current(self, country: str) -> Mapping[str, str]:
        """The version of each procedure under which a new case or contact of this country starts.

        Raises:
            NotFound: there is no package for this country.
        """
        return MappingProxyType(self.profile(country).current)

    def confidentiality(self, country: str) -> Confidentiality:
        """The confidentiality profile that is current in a country.

        Raises:
            NotFound: there is no package for this country.
        """
        named = self.profile(country).confidentiality
        return self.confidentialities[named.key, named.version]

    def places(self, kind: str, compartment: Compartment, fields: Collection[str]) -> bool:
        """Whether some country's profile has a place in a compartment for all these fields of a kind of record."""
        return any(self.confidentiality(country).places(kind, compartment, fields) for country in self.profiles)

    def retention(self, country: str) -> Retention:
        """The retention profile that is current in a country.

        Raises:
            NotFound: there is no package for this country.
        """
        named = self.profile(country).retention
        return self.retentions[named.key, named.version]

    def statistics(self, country: str) -> Declared:
        """What a country counts and publishes at present.

        Raises:
            NotFound: there is no package for this country.
        """
        named = self.profile(country).statistics
        return self.declarations[named.key, named.version].declared()

    def labels(self, code_list: str, code: str, language: Language) -> str:
        """What a code is called.

        Args:
            code_list: The name of the class in `domain.codes`.
            code: Its value.
            language: The reader's language.

        Raises:
            NotFound: there is no such list, or no such code in it.
        """
        return _found(_found(self.codes.lists, code_list), code)[language]

    def _refuse_dangling(self) -> None:
        for profile in self.profiles.values():
            named = profile.confidentiality, profile.indicator_set, profile.retention
            dangling = [item for item in profile.current.items() if item not in self.sops]
            dangling += [] if (named[0].key, named[0].version) in self.confidentialities else [("confidentiality", "")]
            dangling += [] if (named[1].key, named[1].version) in self.indicator_sets else [("indicator_set", "")]
            dangling += [] if profile.country in self.access else [("access", "")]
            dangling += [] if (named[2].key, named[2].version) in self.retentions else [("retention", "")]
            statistics = profile.statistics.key, profile.statistics.version
            dangling += [] if statistics in self.declarations else [("statistics", "")]
            if dangling:
                raise FileInvalid(f"the profile of {profile.country} names what does not exist: {dangling}")
            if faults := self.confidentiality(profile.country).faults():
                raise FileInvalid(f"the confidentiality profile of {profile.country}: {'; '.join(faults)}")
            try:
                self.retention(profile.country).refuse_unclassed(self.confidentiality(profile.country))
            except ValueError as fault:
                raise FileInvalid(f"the retention profile of {profile.country}: {fault}") from None


def _found(mapping: Mapping[Key, Value], key: Key) -> Value:
    value = mapping.get(key)
    if value is None:
        raise NotFound
    return value


def _file(path: Path) -> File:
    """Read one versioned file into the model that its first key names."""
    content = parse(path.read_text(encoding="utf-8"))
    kind = str(next(iter(content), "")) if isinstance(content, dict) else ""
    if kind not in _KINDS:
        raise FileInvalid(f"{path}: the first key is none of {', '.join(_KINDS)}")
    found = read(path, _KINDS[kind])
    if (content[kind], found.version) != (path.parent.name, path.stem):
        raise FileInvalid(f"{path}: the file is not named after its key and version")
    return found
