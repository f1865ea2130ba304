"""Signed notes against the format's published example, and what is refused."""

import secrets

import pytest

from domain.audit.checkpoints import Checkpoint, Offer, cosigned_at, hash_written, read_signed
from domain.audit.merkle import EMPTY_ROOT
from domain.audit.notes import KeyKind, Note, NoteRefused, PublicKey, Signature, SigningKey

# Source: documentation of golang.org/x/mod/sumdb/note, which first described the format.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

LOG = SigningKey.make("nrm.example/kg", KeyKind.LOG, secrets.token_bytes)
WITNESS = SigningKey.make("witness.example/w1", KeyKind.WITNESS, secrets.token_bytes)
HEAD = Checkpoint("nrm.example/kg", 7, b"\x05" * 32)


def test_the_published_example_is_what_we_sign_and_read() -> None:
    key = SigningKey.read(PRIVATE, KeyKind.LOG)
    assert (key.line, key.public.line) == (PRIVATE, PUBLIC)
    assert Note(TEXT, (key.sign(TEXT),)).written() == f"{TEXT}\n{LINE}\n"
    assert Note.read(f"{TEXT}\n{LINE}\n").made_by(PublicKey.read(PUBLIC, KeyKind.LOG)) == [None]
    assert PRIVATE.rpartition("+")[2] not in repr(key)


def test_a_checkpoint_is_three_lines_and_what_was_signed_is_read() -> None:
    note = HEAD.signed(LOG)
    assert note.text == "nrm.example/kg\n7\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n"
    assert read_signed(note.written(), LOG.public) == (HEAD, note)


def test_a_cosignature_signs_the_text_with_its_instant() -> None:
    signature = WITNESS.cosign(HEAD.text, 1679315147)
    assert signature.raw[:8] == (1679315147).to_bytes(8, "big")
    assert len(signature.raw) == 8 + 64
    note = Note(HEAD.text, (*HEAD.signed(LOG).signatures, signature))
    assert cosigned_at(Note.read(note.written()), [WITNESS.public]) == {"witness.example/w1": 1679315147}
    later = Signature(signature.name, signature.key_id, (1679315148).to_bytes(8, "big") + signature.raw[8:])
    with pytest.raises(NoteRefused, match="does not verify"):
        WITNESS.public.verify(HEAD.text, later)


def test_a_key_signs_in_one_way_only() -> None:
    with pytest.raises(NoteRefused):
        LOG.cosign(HEAD.text, 1)
    with pytest.raises(NoteRefused):
        WITNESS.sign(HEAD.text)
    same = SigningKey(LOG.name, KeyKind.WITNESS, LOG.seed)
    assert same.public.id != LOG.public.id
    with pytest.raises(NoteRefused):
        PublicKey.read(same.public.line, KeyKind.LOG)
    with pytest.raises(NoteRefused):
        SigningKey.read(same.line, KeyKind.LOG)


def test_lines_of_unknown_keys_are_passed_over_and_forged_ones_of_known_keys_are_not() -> None:
    other = SigningKey.make("nrm.example/kg", KeyKind.LOG, secrets.token_bytes)
    signed = HEAD.signed(LOG)
    note = Note(signed.text, (*signed.signatures, other.sign(signed.text)))
    assert note.made_by(LOG.public) == [None]
    assert Note(signed.text, (other.sign(signed.text),)).made_by(LOG.public) == []
    forged = Signature(LOG.name, LOG.public.id, other.sign(signed.text).raw)
    with pytest.raises(NoteRefused, match="does not verify"):
        Note(signed.text, (forged,)).made_by(LOG.public)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n7\n", "\n8\n"),
        lambda text: text.replace("\n7\n", "\n07\n"),
        lambda text: text.replace("nrm.example/kg\n7", "nrm.example/kz\n7"),
        lambda text: text.replace("BQUF", "BQUG", 1),
        lambda text: text.replace("QU=\n", "QV=\n", 1),
        lambda text: text.replace("\n\n", "\nextension\n\n"),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text[:-1],
        lambda text: text.replace("— ", "- "),
        lambda text: text.replace("\n7\n", "\n7\r\n"),
        lambda _: "",
        lambda text: text + "x" * 70_000,
        lambda text: text + text.splitlines()[-1].replace("kg", "kz") * 1 + "\n" + (text.splitlines()[-1] + "\n") * 70,
        lambda text: text.partition("\n\n")[0] + "\n\n",
    ],
)
def test_what_is_not_a_checkpoint_of_this_log_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(NoteRefused):
        read_signed(change(HEAD.signed(LOG).written()), LOG.public)


@pytest.mark.parametrize(
    "line", ["", PUBLIC[:-1], PUBLIC.replace("c74f", "c74e"), "a b+c74f20a3+ARpc", "x+00000000+AR==", PRIVATE]
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(NoteRefused):
        PublicKey.read(line, KeyKind.LOG)


@pytest.mark.parametrize("line", ["", PUBLIC, PRIVATE[:-4], PRIVATE.replace("c74f", "c74e"), PRIVATE + "+x"])
def test_what_is_no_private_key_is_refused(line: str) -> None:
    with pytest.raises(NoteRefused):
        SigningKey.read(line, KeyKind.LOG)


def test_a_key_is_named_as_it_can_be_written() -> None:
    for name in ("", "a b", "a+b", "—", "x" * 121):
        with pytest.raises(NoteRefused):
            SigningKey.make(name, KeyKind.LOG, secrets.token_bytes)
    with pytest.raises(NoteRefused, match="origin"):
        HEAD.signed(SigningKey.make("nrm.example/kz", KeyKind.LOG, secrets.token_bytes))


def test_an_offer_travels_as_one_text() -> None:
    for proof in ((), (EMPTY_ROOT, b"\x01" * 32)):
        offer = Offer(3, proof, HEAD.signed(LOG).written())
        assert Offer.read(offer.written()) == offer
    written = Offer(3, (EMPTY_ROOT,), HEAD.signed(LOG).written()).written()
    for broken in ("", "old -1\n\nx", written.replace("old 3", "old 03"), written.replace("47DEQ", "47DE")):
        with pytest.raises(NoteRefused):
            Offer.read(broken)
    long = "\n".join(["old 3", *[hash_written(EMPTY_ROOT)] * 64, "", "x"])
    with pytest.raises(NoteRefused):
        Offer.read(long)
