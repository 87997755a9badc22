"""The pictures of a session: looked at once, remembered for a while."""

import time
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from decor_core.models.explain import Evidence, roll_up
from decor_core.operations.counters import COUNTERS
from decor_core.operations.hosting import hosting
from decor_core.pictures.images import content_hash

from .resources import look, predictor
from .workspace import workspace

_KEPT = 250
_EVIDENCE_KEPT = 1  # of a quarter of a megabyte
# Of the pictures as they came, in case that one of them is put right; less where many visit.
_ORIGINALS_BYTES, _HOSTED_ORIGINALS_BYTES = 64 * 2**20, 2 * 2**20


@dataclass(frozen=True)
class Picture:
    """A file to be classified; ``alt`` describes it where somebody wrote that down."""

    name: str
    data: bytes
    alt: str = ""


@dataclass(frozen=True)
class Seen:
    """What stays of a picture: vector [d], colours in words, a JPEG preview and a small WebP.

    Or, in ``error``, why it cannot be read.
    """

    name: str
    digest: str
    alt: str = ""
    vector: np.ndarray | None = None
    colours: str = ""
    preview: bytes = b""
    thumb: bytes = b""
    error: str = ""

    @property
    def described(self) -> str:
        return self.alt or f"Your picture {self.name}"


def look_at(picture: Picture, deep: bool = True) -> Seen:
    """Embed ``picture``, or remember it: switching taxonomy or model costs nothing.

    A ``deep`` look keeps the evidence, too, which is about to be shown.
    """
    digest = content_hash(picture.data)
    _keep_original(digest, picture.data)
    seen = remember(digest)
    if seen is None:
        mine, most = workspace(), hosting().session_pictures
        if mine.pictures >= most:
            COUNTERS.count("refused: pictures of one")
            return refused(picture.name, _had_enough(most))
        mine.pictures += 1
        seen = _look(picture, digest, deep)
    seen = replace(seen, name=picture.name, alt=picture.alt)
    memory = _memory()
    memory[_key(digest)] = seen
    while len(memory) > _KEPT:
        memory.popitem(last=False)
    return seen


def remember(digest: str) -> Seen | None:
    """The picture with this content hash, if this session has looked at it lately."""
    memory = _memory()
    if _key(digest) not in memory:
        return None
    memory.move_to_end(_key(digest))
    return memory[_key(digest)]


def original(seen: Seen) -> bytes:
    """The picture as it came; where it has gone by now, what is shown of it."""
    return _originals().get(seen.digest, seen.preview)


def _keep_original(digest: str, data: bytes) -> None:
    kept = _originals()
    kept[digest] = data
    kept.move_to_end(digest)
    most = _HOSTED_ORIGINALS_BYTES if hosting().hosted else _ORIGINALS_BYTES
    while len(kept) > 1 and sum(map(len, kept.values())) > most:
        kept.popitem(last=False)


def forget_originals() -> None:
    """Others come in place of what is shown: only what is shown can be put right."""
    _originals().clear()


def _originals() -> OrderedDict[str, bytes]:
    return st.session_state.setdefault("originals", OrderedDict())


def refused(name: str, reason: str) -> Seen:
    """A file that is no picture at all, with the reason in one sentence."""
    return Seen(name, digest="", error=reason)


def _had_enough(most: int) -> str:
    return (
        f"Decor has looked at {most:,} pictures for you, as many as this server does for one "
        "visitor; come back later, or run it on your own computer, where there is no such limit."
    )


def _memory() -> OrderedDict[tuple, Seen]:
    """The latest pictures of this session; bounded, so that its memory is."""
    return st.session_state.setdefault("seen", OrderedDict())


def network_key() -> tuple:
    """What the vectors of pictures depend on, apart from the pictures."""
    bundle = predictor().bundle
    return bundle.embedding, bundle.backbone_digest


def _key(digest: str) -> tuple:
    return digest, *network_key()


def evidence_of(seen: Seen, taxonomy: str) -> Evidence | None:
    """Why the picture gets its answers in ``taxonomy``; from its preview if it was not kept.

    None where it cannot be looked at again.
    """
    key, kept = _model_key(seen.digest), _evidence_kept()
    if key not in kept:
        again = look(seen.preview, deep=True).evidence
        if again is None:
            return None
        _keep_evidence(seen.digest, again)
    evidence = replace(kept[key], maps=kept[key].maps.astype(np.float32))
    return roll_up(evidence, predictor().bundle.taxonomy, taxonomy)


def _keep_evidence(digest: str, evidence: Evidence) -> None:
    """In half precision, which nobody sees."""
    kept = _evidence_kept()
    kept[_model_key(digest)] = replace(evidence, maps=evidence.maps.astype(np.float16))
    while len(kept) > _EVIDENCE_KEPT:
        kept.popitem(last=False)


def _evidence_kept() -> OrderedDict[tuple, Evidence]:
    return st.session_state.setdefault("evidence_kept", OrderedDict())


def _model_key(digest: str) -> tuple:
    bundle = predictor().bundle
    return digest, bundle.title, bundle.created


def _look(picture: Picture, digest: str, deep: bool) -> Seen:
    started = time.monotonic()
    sight = look(picture.data, deep)
    if sight.error:
        COUNTERS.count("pictures: refused")
        return Seen(picture.name, digest, error=sight.error)
    if sight.evidence:
        _keep_evidence(digest, sight.evidence)
    COUNTERS.count("pictures: looked at")
    COUNTERS.observe("picture", time.monotonic() - started)
    return Seen(
        picture.name,
        digest,
        vector=sight.vector,
        colours=sight.colours,
        preview=sight.preview,
        thumb=sight.thumb,
    )
