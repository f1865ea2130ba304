"""What can be done with the attachments of a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from domain.attachments.models import Attachment, AttachmentRemoval
from domain.attachments.queries import KIND, MOST, copies_of, held_by, one_held_by, versions_of
from domain.audit.actions import AuditAction
from domain.cases.commands import collect
from domain.cases.models import Case
from domain.codes import AttachmentFormat, Compartment, ReferralStatus
from domain.disclosures import grounds
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict, VersionStale
from domain.notifications.models import NotificationKind
from domain.permits import Permit
from domain.referrals.models import Referral
from domain.referrals.rules import AFTER_ACCEPTANCE, OVER
from domain.sealing.envelope import SealBroken
from domain.sealing.stream import Stream
from domain.sealing.streams import Written, trimmed
from domain.sealing.vault import Place
from domain.unit_of_work import UnitOfWork

WORDS: Final = ("name", "description")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was cleaned."""

    format: AttachmentFormat
    content: bytes


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An attachment that is being shown: the reading is recorded with the transaction that made this.

    Attributes:
        stream: What its chunks are bound to.
        size: Its length, bytes.
    """

    attachment: Attachment
    stream: Stream
    size: int


async def add_attachment(document: Document, compartment: Compartment, permit: Permit, work: UnitOfWork) -> Attachment:
    """Seal a document into one compartment of the case that the permit names.

    Raises:
        InvalidInput: the country's data let no attachment into this compartment, or the case has as many as it may.
        NotPermitted: the compartment was not handed over and holds something.
    """
    case = await work.lock(Case, permit.subject_id)
    if compartment not in work.catalogue.profile(case.country).attachment_compartments:
        raise InvalidInput(field="compartment", reason="holds no attachments")
    await collect(compartment, case, work)
    if len(await held_by(work, case.id)) >= MOST:
        raise InvalidInput(field="attachments", reason="as many as a case may have")
    attachment = Attachment(
        id=work.ids.uuid(),
        reference=work.ids.reference("A"),
        case_id=case.id,
        holder_id=case.id,
        compartment=compartment,
        format=document.format,
        added_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(attachment)
    await work.flush()
    written = await work.vault.put_stream(
        document.content, holder_id=case.id, record_id=attachment.id, compartment=compartment
    )
    await _seal(work, attachment, _told(written, len(document.content)))
    _audit(work, AuditAction.ATTACHMENT_SEALED, permit, attachment, fingerprint=written.fingerprint)
    return attachment


async def describe_attachment(
    reference: str, words: Mapping[str, str | None], version: int, permit: Permit, work: UnitOfWork
) -> int:
    """Seal what an attachment is called and what it is, in place of what was said before; returns the new version.

    Raises:
        NotFound: the case has no such attachment.
        VersionStale: it was described since the caller read it.
    """
    attachment = await _standing(reference, version, permit, work)
    told = await _read(work, attachment)
    fingerprint = await _seal(work, attachment, {**(told or {}), **words})
    _audit(work, AuditAction.ATTACHMENT_DESCRIBED, permit, attachment, fingerprint=fingerprint)
    return version + 1


async def remove_attachment(reference: str, version: int, permit: Permit, work: UnitOfWork) -> None:
    """Destroy an attachment and its copies in packages; that there was one stays recorded.

    Raises:
        NotFound, VersionStale: see `describe_attachment`.
    """
    attachment = await _standing(reference, version, permit, work)
    copies = await copies_of(work, attachment)
    for one in (attachment, *copies):
        await work.vault.drop(_place(one))
        work.add(
            AttachmentRemoval(
                attachment_id=one.id,
                case_id=one.case_id,
                removed_at=work.now,
                staff_id=permit.actor.staff_id,
                organisation_id=permit.actor.organisation_id,
            )
        )
    _audit(work, AuditAction.ATTACHMENT_REMOVED, permit, attachment, copies=len(copies))
    await _tell_receivers(work, [copy.holder_id for copy in copies])


async def choose(work: UnitOfWork, permit: Permit, referral: Referral, references: tuple[str, ...]) -> None:
    """Note which attachments of the case the package of a referral is to hold; their content follows when it is sent.

    Raises:
        InvalidInput: one is no attachment of this case, or lies in a compartment that the referral does not share.
    """
    for reference in references:
        try:
            source = await one_held_by(work, referral.case_id, reference)
        except NotFound:
            raise InvalidInput(field="attachments", reason="not an attachment of this case") from None
        if source.compartment not in referral.compartments:
            raise InvalidInput(field="attachments", reason="in a compartment that the referral does not share")
        copy = Attachment(
            id=work.ids.uuid(),
            reference=work.ids.reference("A"),
            case_id=referral.case_id,
            holder_id=referral.id,
            source_id=source.id,
            compartment=source.compartment,
            format=source.format,
            added_at=work.now,
            staff_id=permit.actor.staff_id,
            organisation_id=permit.actor.organisation_id,
        )
        work.add(copy)
        _audit(work, AuditAction.ATTACHMENT_CHOSEN, permit, copy, source=str(source.id))
    await work.flush()


async def pack(work: UnitOfWork, referral: Referral) -> None:
    """Seal the chosen attachments again under the keys of the package; one that was removed meanwhile stays out."""
    for copy in await held_by(work, referral.id):
        source = await work.one(Attachment, id=copy.source_id)
        told = await _read(work, source) if source is not None else None
        if source is None or told is None:
            continue
        written = await work.vault.copy_stream(_stream(source, told), holder_id=copy.holder_id, record_id=copy.id)
        await _seal(work, copy, {**told, **_told(written, told["size"])})


async def hold(holder: Case | Referral, work: UnitOfWork) -> Sequence[Attachment]:
    """Return the attachments of a case, or of the package of an accepted referral, that are there to be read.

    They are held against a removal or withdrawal that is under way: either this reading is first and the other waits,
    or there is nothing left to read. The referral is locked before its case, and each as strongly as opening something
    locks it afterwards: two readers that shared a lock would each wait for ever for the other to let it go.

    Raises:
        NotFound: the case does not concern the caller any more.
        StateConflict: the referral is not accepted, or no more.
    """
    standing = await work.lock(Referral, holder.id) if isinstance(holder, Referral) else holder
    await grounds.hold(work, standing.case_id if isinstance(standing, Referral) else standing.id)
    if isinstance(standing, Referral) and standing.status not in AFTER_ACCEPTANCE:
        raise StateConflict(current=str(standing.status))
    return await held_by(work, holder.id)


async def hold_one(holder: Case | Referral, reference: str, work: UnitOfWork) -> Attachment:
    """Return one of the attachments that `hold` returns.

    Raises:
        NotFound: there is none of that reference: none at all, another's, or one that was removed.
    """
    found = [one for one in await hold(holder, work) if one.reference == reference]
    if not found:
        raise NotFound
    return found[0]


async def disclose(attachment: Attachment, permit: Permit, work: UnitOfWork) -> Disclosed:
    """Open what tells of an attachment that was held, and record that it is shown.

    Raises:
        NotPermitted: the permit does not open it.
        NotFound: nothing is left of it.
        SealBroken: something of it was altered, moved, rolled back, or is missing.
    """
    _opens(attachment, permit)
    opened = await work.reveal(
        await grounds.to_open_held(work, permit, attachment.case_id, attachment.holder_id),
        action=AuditAction.ATTACHMENT_REVEALED,
        stream_id=attachment.case_id,
        record_id=attachment.id,
        kind=KIND,
    )
    told = opened.get(Compartment(attachment.compartment))
    if told is None:
        raise NotFound
    stream = _stream(attachment, told)
    if not await work.vault.streams.is_whole(stream):
        raise SealBroken
    return Disclosed(attachment, stream, told["size"])


async def part_of(disclosed: Disclosed, first: int, permit: Permit, work: UnitOfWork) -> list[bytes]:
    """Open some chunks of an attachment that is being shown, from one number on; the permit is as fresh as they are.

    Raises:
        NotPermitted: the permit does not open it, or no more.
        SealBroken: see `disclose`.
    """
    _opens(disclosed.attachment, permit)
    await grounds.to_open_held(work, permit, disclosed.attachment.case_id, disclosed.attachment.holder_id)
    part = await work.vault.streams.part(disclosed.stream, first)
    return trimmed(part, first, disclosed.size)


async def reveal_words(
    attachments: Sequence[Attachment], permit: Permit, work: UnitOfWork
) -> dict[UUID, Mapping[str, str | None]]:
    """Open the words about several attachments of the permit's one compartment, each with its own audit entry.

    An attachment of which nothing is left is not among them.
    """
    opened = await work.reveal_each(
        {
            one.id: (await grounds.to_open_held(work, permit, one.case_id, one.holder_id), one.case_id)
            for one in attachments
        },
        action=AuditAction.ATTACHMENT_WORDS_READ,
        kind=KIND,
    )
    return {
        record_id: {word: told.get(word) for word in WORDS}
        for record_id, found in opened.items()
        for told in found.values()
    }


def _told(written: Written, size: int) -> dict[str, Any]:
    """Return what must be remembered of a stream, in words that can be sealed."""
    stream = written.stream
    return {"stream": stream.id.hex(), "key_version": stream.key_version, "chunks": stream.chunks, "size": size}


def _stream(attachment: Attachment, told: Mapping[str, Any]) -> Stream:
    return Stream(
        bytes.fromhex(told["stream"]),
        attachment.holder_id,
        attachment.id,
        str(attachment.compartment),
        told["key_version"],
        told["chunks"],
    )


def _place(attachment: Attachment) -> Place:
    return Place(attachment.holder_id, attachment.id, KIND)


async def _read(work: UnitOfWork, attachment: Attachment) -> dict[str, Any] | None:
    place, compartment = _place(attachment), Compartment(attachment.compartment)
    return (await work.vault.take_each({place: [compartment]}))[place].get(compartment)


async def _seal(work: UnitOfWork, attachment: Attachment, told: Mapping[str, Any]) -> str:
    return await work.vault.put(
        told,
        holder_id=attachment.holder_id,
        record_id=attachment.id,
        kind=KIND,
        compartment=Compartment(attachment.compartment),
        now=work.now,
    )


def _opens(attachment: Attachment, permit: Permit) -> None:
    """Make sure that a permit opens what an attachment is sealed under."""
    if permit.holder_id != attachment.holder_id or attachment.compartment not in permit.compartments:
        raise NotPermitted(rule="compartment", compartment=str(attachment.compartment))


async def _standing(reference: str, version: int, permit: Permit, work: UnitOfWork) -> Attachment:
    """Lock the case and return one of its attachments that the permit opens, in the version that the caller read."""
    case = await work.lock(Case, permit.subject_id)
    attachment = await one_held_by(work, case.id, reference)
    _opens(attachment, permit)
    present = (await versions_of(work, [attachment])).get(attachment.id)
    if present is None:
        raise NotFound
    if present != version:
        raise VersionStale(current_version=present)
    return attachment


async def _tell_receivers(work: UnitOfWork, referral_ids: list[UUID]) -> None:
    """Tell whoever has a package that something of it is gone, unless it is over or was never sent."""
    rows = await work.session.execute(select(Referral).where(col(Referral.id).in_(referral_ids)))
    for referral in rows.scalars():
        if referral.status not in {*OVER, ReferralStatus.DRAFT}:
            work.notify(
                referral.receiving_organisation_id,
                NotificationKind.REFERRAL_CHANGED,
                referral.reference,
                referral.status,
            )


def _audit(work: UnitOfWork, action: AuditAction, permit: Permit, attachment: Attachment, **details: Any) -> None:
    work.audit(
        action,
        permit,
        stream_id=attachment.case_id,
        subject_id=attachment.id,
        compartment=str(attachment.compartment),
        **details,
    )
