"""The pictures of a session: looked at once, remembered while there is room."""

import time
from dataclasses import dataclass, replace

import numpy as np

from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_app.state.cache import looks, originals
from decor_app.state.models import analyze_image, predictor
from decor_app.state.workspace import workspace
from decor_core.images.decode import content_hash
from decor_core.model.explain import Explanation

_SEEN, _PREVIEW, _EVIDENCE = "seen", "preview", "evidence"  # what is held of a picture
_WORDS_BYTES = 1_000  # of a picture's name, digest, colours, and the objects around them


@dataclass(frozen=True)
class Picture:
    """A file to be classified; ``alt`` describes it where somebody wrote that down."""

    name: str
    data: bytes
    alt: str = ""


@dataclass(frozen=True)
class Seen:
    """What stays of a picture: vector [d], colours in words, a small WebP; for more, ask below.

    Or, in ``error``, why it cannot be read.
    """

    name: str
    digest: str
    alt: str = ""
    vector: np.ndarray | None = None
    colours: str = ""
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
    originals().put(digest, picture.data, len(picture.data))
    seen = remember(digest)
    if seen is None:
        session, most = workspace(), server_config().session_pictures
        if session.pictures >= most:
            METRICS.count("refused: pictures of one")
            return refused(picture.name, _had_enough(most))
        session.pictures += 1
        seen = _look(picture, digest, deep)
    return replace(seen, name=picture.name, alt=picture.alt)


def remember(digest: str) -> Seen | None:
    """The picture with this content hash, if this session has looked at it lately."""
    return looks().get((_SEEN, digest, network_key()))


def original(seen: Seen) -> bytes:
    """The picture as it came; where it has gone by now, what is shown of it."""
    return originals().get(seen.digest) or preview_of(seen)


def forget_originals() -> None:
    """Others come in place of what is shown: only what is shown can be put right."""
    originals().empty()


def preview_of(seen: Seen) -> bytes:
    """The picture to be shown, as a file; a small one where nothing else of it is left."""
    return looks().get((_PREVIEW, seen.digest)) or _look_again(seen).preview or seen.thumb


def refused(name: str, reason: str) -> Seen:
    """A file that is no picture at all, with the reason in one sentence."""
    return Seen(name, digest="", error=reason)


def _had_enough(most: int) -> str:
    return (
        f"Decor has looked at {most:,} pictures for you, as many as this server does for one "
        "visitor; come back later, or run it on your own computer, where there is no such limit."
    )


def network_key() -> tuple:
    """What the vectors of pictures depend on, apart from the pictures."""
    bundle = predictor().bundle
    return bundle.embedding, bundle.backbone_digest


def evidence_of(seen: Seen, taxonomy: str) -> Explanation | None:
    """Why the picture gets its answers in ``taxonomy``; None where it cannot be looked at again."""
    bundle = predictor().bundle
    of, evidence = looks().get(_EVIDENCE) or (None, None)
    if of != (seen.digest, *_model_key()):
        evidence = _look_again(seen).evidence
        if evidence is None:
            return None
    evidence = replace(evidence, maps=evidence.maps.astype(np.float32))
    return evidence.rolled_up(bundle.taxonomy, taxonomy)


def _look_again(seen: Seen) -> ImageAnalysis:
    """Look at a picture of which too little is held, from the best that there is."""
    data = originals().get(seen.digest) or looks().get((_PREVIEW, seen.digest)) or seen.thumb
    sight = analyze_image(data, deep=True)
    _hold(seen.digest, sight)
    return sight


def _hold(digest: str, sight: ImageAnalysis) -> None:
    """Keep what is large: previews, and the evidence of the latest picture.

    Evidence is kept in half precision, which nobody sees.
    """
    if sight.preview:
        looks().put((_PREVIEW, digest), sight.preview, len(sight.preview))
    if sight.evidence:
        maps = sight.evidence.maps.astype(np.float16)
        evidence = replace(sight.evidence, maps=maps)
        looks().put(_EVIDENCE, ((digest, *_model_key()), evidence), maps.nbytes)


def _model_key() -> tuple:
    bundle = predictor().bundle
    return bundle.title, bundle.created


def _look(picture: Picture, digest: str, deep: bool) -> Seen:
    started = time.monotonic()
    sight = analyze_image(picture.data, deep)
    if sight.error:
        METRICS.count("pictures: refused")
        return Seen(picture.name, digest, error=sight.error)
    METRICS.count("pictures: looked at")
    METRICS.observe("picture", time.monotonic() - started)
    _hold(digest, sight)
    seen = Seen(picture.name, digest, vector=sight.vector, colours=sight.colours, thumb=sight.thumb)
    size = seen.vector.nbytes + len(seen.thumb) + _WORDS_BYTES
    looks().put((_SEEN, digest, network_key()), seen, size)
    return seen
