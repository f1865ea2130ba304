"""Put sealed values into the database and take them out. Only the unit of work calls this."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.codes import Compartment
from domain.errors import InvalidInput
from domain.sealing.envelope import MAX_PLAINTEXT, NONCE_BYTES, Context, fingerprint, open_sealed, seal
from domain.sealing.keys import key_id_of, new_data_key, unwrap_data_key
from domain.sealing.models import SealedChunk, SealedValue, SealingKey
from domain.sealing.providers import KeyProvider, RandomBytes
from domain.sealing.stream import Stream
from domain.sealing.streams import Streams, Written


@dataclass(frozen=True, slots=True)
class Place:
    """Where sealed values stand: under whose keys, of which record, of which kind."""

    holder_id: UUID
    record_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Sealing:
    """What is sealed for a new holder: the fields of one compartment of one record."""

    place: Place
    compartment: Compartment
    fields: Mapping[str, Any]


Places = Callable[[str, Compartment, Collection[str]], bool]


class Vault:
    """The sealed values of one transaction.

    Args:
        session: The transaction; row-level security decides which rows it sees at all.
        keys: Wraps and unwraps data keys; the database never sees one.
        random: Returns so many unpredictable bytes.
        places: Tells whether fields of a kind of record have their place in a compartment; what has none is not stored.
    """

    def __init__(self, session: AsyncSession, keys: KeyProvider, random: RandomBytes, places: Places) -> None:
        self.session, self.keys, self.random, self._places = session, keys, random, places
        self.streams = Streams(session, keys, random)

    async def put(
        self,
        fields: Mapping[str, Any],
        *,
        holder_id: UUID,
        record_id: UUID,
        kind: str,
        compartment: Compartment,
        now: datetime,
    ) -> str:
        """Seal fields as one blob, replacing an earlier version. Returns its fingerprint for the audit entry.

        Raises:
            InvalidInput: together they are longer than one sealed value may be, or one has no place in the compartment.
        """
        return (await self.put_all({compartment: fields}, Place(holder_id, record_id, kind), now))[compartment]

    async def put_all(
        self, contents: Mapping[Compartment, Mapping[str, Any]], place: Place, now: datetime
    ) -> dict[Compartment, str]:
        """Seal the fields of several compartments in the same place, as `put` does; returns the fingerprints."""
        if not contents:
            return {}
        plain = {one: self._plaintext(place, fields, one) for one, fields in contents.items()}
        data_keys = await self._keys(place.holder_id, contents)
        earlier = await self._locked(place, contents)
        fingerprints: dict[Compartment, str] = {}
        for compartment, plaintext in plain.items():
            key_version, key = data_keys[compartment]
            row = earlier.get(compartment)
            version = 1 if row is None else row.version + 1
            context = Context(place.holder_id, place.record_id, place.kind, compartment, key_version, version)
            blob = seal(plaintext, key=key, nonce=self.random(NONCE_BYTES), context=context)
            if row is None:
                row = SealedValue(
                    record_id=place.record_id,
                    kind=place.kind,
                    compartment=compartment,
                    holder_id=place.holder_id,
                    key_version=key_version,
                    version=version,
                    sealed=blob,
                    changed_at=now,
                )
                self.session.add(row)
            else:
                row.sealed, row.version, row.key_version, row.changed_at = blob, version, key_version, now
            fingerprints[compartment] = fingerprint(blob).hex()
        await self.session.flush()
        return fingerprints

    async def _locked(self, place: Place, compartments: Collection[Compartment]) -> dict[Compartment, SealedValue]:
        rows = await self.session.execute(
            select(SealedValue)
            .where(col(SealedValue.record_id) == place.record_id, col(SealedValue.kind) == place.kind)
            .where(col(SealedValue.compartment).in_(sorted(compartments)))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {Compartment(row.compartment): row for row in rows.scalars()}

    async def put_first(self, sealings: Sequence[Sealing], now: datetime) -> list[str]:
        """Seal values of holders that have no keys yet, however many with two statements; returns the fingerprints.

        Each compartment of a holder is named once; a holder that has keys already is refused by the database.

        Raises:
            InvalidInput: see `put`.
        """
        fingerprints = []
        values = []
        for one in sealings:
            holder_id, compartment = one.place.holder_id, one.compartment
            key, wrapped = new_data_key(
                self.keys, holder_id=holder_id, compartment=compartment, version=1, random=self.random
            )
            context = Context(holder_id, one.place.record_id, one.place.kind, compartment, 1, 1)
            plaintext = self._plaintext(one.place, one.fields, compartment)
            blob = seal(plaintext, key=key, nonce=self.random(NONCE_BYTES), context=context)
            fingerprints.append(fingerprint(blob).hex())
            self.session.add(
                SealingKey(
                    holder_id=holder_id, compartment=compartment, version=1, key_id=key_id_of(wrapped), wrapped=wrapped
                )
            )
            values.append(
                SealedValue(
                    record_id=one.place.record_id,
                    kind=one.place.kind,
                    compartment=compartment,
                    holder_id=holder_id,
                    key_version=1,
                    version=1,
                    sealed=blob,
                    changed_at=now,
                )
            )
        await self.session.flush()
        self.session.add_all(values)
        await self.session.flush()
        return fingerprints

    async def take(
        self, *, holder_id: UUID, record_id: UUID, kind: str, compartments: Collection[Compartment]
    ) -> dict[Compartment, dict[str, Any]]:
        """Open what stands under these compartments of a record; a compartment that holds nothing is left out.

        Raises:
            SealBroken: a blob was altered, moved or rolled back.
        """
        place = Place(holder_id, record_id, kind)
        return (await self.take_each({place: compartments}))[place]

    async def take_each(
        self, wanted: Mapping[Place, Collection[Compartment]]
    ) -> dict[Place, dict[Compartment, dict[str, Any]]]:
        """Open what stands at several places, each under its own compartments, with one statement; see `take`."""
        rows = await self.session.execute(
            select(SealedValue, col(SealingKey.wrapped))
            .join(
                SealingKey,
                (col(SealingKey.holder_id) == SealedValue.holder_id)
                & (col(SealingKey.compartment) == SealedValue.compartment)
                & (col(SealingKey.version) == SealedValue.key_version),
            )
            .where(
                col(SealedValue.holder_id).in_({one.holder_id for one in wanted}),
                col(SealedValue.record_id).in_({one.record_id for one in wanted}),
                col(SealedValue.kind).in_({one.kind for one in wanted}),
                col(SealedValue.compartment).in_({one for several in wanted.values() for one in several}),
            )
        )
        opened: dict[Place, dict[Compartment, dict[str, Any]]] = {one: {} for one in wanted}
        for value, wrapped in rows:
            place = Place(value.holder_id, value.record_id, value.kind)
            if value.compartment not in wanted.get(place, ()):
                continue
            key = unwrap_data_key(
                self.keys, wrapped, holder_id=place.holder_id, compartment=value.compartment, version=value.key_version
            )
            context = Context(
                place.holder_id, place.record_id, place.kind, value.compartment, value.key_version, value.version
            )
            content = open_sealed(value.sealed, key=key, context=context)
            opened[place][Compartment(value.compartment)] = json.loads(content)
        return opened

    async def copy(
        self, source: Place, target: Place, compartments: Collection[Compartment], now: datetime
    ) -> dict[Compartment, str]:
        """Seal compartments again under another holder's keys, and return the fingerprints.

        The plaintext goes nowhere else.
        """
        opened = await self.take(
            holder_id=source.holder_id, record_id=source.record_id, kind=source.kind, compartments=compartments
        )
        return await self.put_all(opened, target, now)

    async def present(self, *, holder_id: UUID, record_id: UUID, kind: str) -> set[Compartment]:
        """Return which compartments hold something, opening none."""
        rows = await self.session.execute(
            select(col(SealedValue.compartment)).where(
                col(SealedValue.holder_id) == holder_id,
                col(SealedValue.record_id) == record_id,
                col(SealedValue.kind) == kind,
            )
        )
        return {Compartment(code) for code in rows.scalars()}

    async def holds(self, holder_id: UUID, compartment: Compartment, *, but: Collection[str]) -> bool:
        """Tell whether a holder has anything under a compartment, of any kind `but` these, opening none."""
        rows = await self.session.execute(
            select(SealedValue.record_id)
            .where(
                col(SealedValue.holder_id) == holder_id,
                col(SealedValue.compartment) == compartment,
                col(SealedValue.kind).not_in(sorted(but)),
            )
            .limit(1)
        )
        return rows.first() is not None

    async def shred(self, holder_id: UUID, compartments: Collection[Compartment] = tuple(Compartment)) -> None:
        """Delete what is sealed for a holder, and its keys: what a copy elsewhere still holds can no longer be opened.

        The database writes each destroyed key into the shred ledger, in the same transaction.
        """
        chunks = delete(SealedChunk).where(col(SealedChunk.holder_id) == holder_id)
        values = delete(SealedValue).where(col(SealedValue.holder_id) == holder_id)
        keys = delete(SealingKey).where(col(SealingKey.holder_id) == holder_id)
        if set(compartments) != set(Compartment):
            chunks = chunks.where(col(SealedChunk.compartment).in_(sorted(compartments)))
            values = values.where(col(SealedValue.compartment).in_(sorted(compartments)))
            keys = keys.where(col(SealingKey.compartment).in_(sorted(compartments)))
        await self.session.execute(chunks)
        await self.session.execute(values)
        await self.session.execute(keys)

    async def put_stream(
        self, content: bytes, *, holder_id: UUID, record_id: UUID, compartment: Compartment
    ) -> Written:
        """Seal a long content in chunks; it cannot be replaced."""
        data_key = (await self._keys(holder_id, [compartment]))[compartment]
        return await self.streams.write(
            content, holder_id=holder_id, record_id=record_id, compartment=compartment, data_key=data_key
        )

    async def copy_stream(self, source: Stream, *, holder_id: UUID, record_id: UUID) -> Written:
        """Seal a stream again under another holder's keys."""
        compartment = Compartment(source.compartment)
        data_key = (await self._keys(holder_id, [compartment]))[compartment]
        return await self.streams.copy(source, holder_id=holder_id, record_id=record_id, data_key=data_key)

    async def drop(self, place: Place) -> None:
        """Delete the sealed values of one place and the stream of its record; the holder's keys stay for the rest."""
        await self.streams.drop(place.record_id)
        await self.session.execute(
            delete(SealedValue).where(
                col(SealedValue.record_id) == place.record_id,
                col(SealedValue.kind) == place.kind,
                col(SealedValue.holder_id) == place.holder_id,
            )
        )

    async def _keys(
        self, holder_id: UUID, compartments: Collection[Compartment]
    ) -> dict[Compartment, tuple[int, bytes]]:
        """Return the newest version and key of each compartment; what has none yet gets its first."""
        rows = await self.session.execute(
            select(SealingKey)
            .where(col(SealingKey.holder_id) == holder_id, col(SealingKey.compartment).in_(sorted(compartments)))
            .order_by(col(SealingKey.version))
        )
        newest = {Compartment(row.compartment): row for row in rows.scalars()}
        found: dict[Compartment, tuple[int, bytes]] = {}
        for compartment in compartments:
            if (row := newest.get(compartment)) is not None:
                opened = unwrap_data_key(
                    self.keys, row.wrapped, holder_id=holder_id, compartment=compartment, version=row.version
                )
                found[compartment] = row.version, opened
                continue
            key, wrapped = new_data_key(
                self.keys, holder_id=holder_id, compartment=compartment, version=1, random=self.random
            )
            key_id = key_id_of(wrapped)
            self.session.add(
                SealingKey(holder_id=holder_id, compartment=compartment, version=1, key_id=key_id, wrapped=wrapped)
            )
            found[compartment] = 1, key
        return found

    def _plaintext(self, place: Place, fields: Mapping[str, Any], compartment: Compartment) -> bytes:
        """Return what is to be sealed: default deny for a field that the country's profile places nowhere."""
        if not self._places(place.kind, compartment, fields.keys()):
            raise InvalidInput(field=str(compartment), reason="a field that the profile does not place here")
        plaintext = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode()
        if len(plaintext) > MAX_PLAINTEXT:
            raise InvalidInput(field=str(compartment), reason="longer than a compartment may be")
        return plaintext
