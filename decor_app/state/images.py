"""The images of a session: analyzed once, kept while there is room."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_app.state.cache import analyses, originals
from decor_app.state.errors import or_end_page
from decor_app.state.models import predictor
from decor_app.state.processes import inference_pool
from decor_app.state.workspace import workspace
from decor_core.images.decode import content_hash
from decor_core.model.explain import Explanation
from decor_core.parallel import map_in_order

_IMAGE, _PREVIEW, _ATTRIBUTION = "image", "preview", "attribution"  # what is kept of an image
_WORDS_BYTES = 1_000  # of an image's name, digest, colors, and the objects around them


@dataclass(frozen=True)
class ImageFile:
    """A file to be classified; ``alt`` describes the picture where somebody wrote that down."""

    name: str
    data: bytes
    alt: str = ""


@dataclass(frozen=True)
class AnalyzedImage:
    """An analyzed image: vector [d], colors in words, a small WebP; for more, ask below.

    ``notes`` are those of ImageAnalysis.
    """

    name: str
    alt: str
    digest: str
    vector: np.ndarray
    colors: str
    thumb: bytes
    notes: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        return self.alt or f"Your picture {self.name}"


@dataclass(frozen=True)
class UnreadableFile:
    """A file that is no image, or cannot be analyzed, with the reason in ``error``."""

    name: str
    error: str


Analyzed = AnalyzedImage | UnreadableFile


@dataclass(frozen=True)
class _NewAnalysis:
    """A file with what was seen in it, and how long that took."""

    file: ImageFile
    analysis: ImageAnalysis
    seconds: float


def analyze(file: ImageFile) -> Analyzed:
    """Analyze a file, or find it analyzed: to switch taxonomy or model costs nothing.

    Its attribution is kept, too, which is about to be shown.
    """
    (found,) = analyze_all([file], explain=True)
    return found


def analyze_all(
    files: Iterable[ImageFile | UnreadableFile], explain: bool = False
) -> Iterator[Analyzed]:
    """The same of many files, in order, as many at once as there are cores.

    Attributions are kept only with ``explain``.
    """
    bundle, limits, pool = predictor().bundle, server_config().picture_limits, inference_pool()
    begun: set[str] = set()

    def find_cached(file: ImageFile | UnreadableFile) -> tuple[ImageFile | Analyzed, bool]:
        """The cached analysis of a file, or the file; and whether to analyze it."""
        if isinstance(file, UnreadableFile):
            return file, False
        digest = content_hash(file.data)
        if digest in begun:
            return file, False
        begun.add(digest)
        known = _known(file, digest)
        return known, known is file

    def analyze_new(
        found: tuple[ImageFile | Analyzed, bool],
    ) -> _NewAnalysis | ImageFile | Analyzed:
        file, is_new = found
        if not (is_new and isinstance(file, ImageFile)):
            return file
        started = time.monotonic()
        analysis = pool.analyze_image(bundle, file.data, limits, explain)
        return _NewAnalysis(file, analysis, time.monotonic() - started)

    # Only this thread belongs to the session: on it files are looked up, and what was seen is kept.
    analyzed = map_in_order(analyze_new, map(find_cached, files))
    while (one := or_end_page(lambda: next(analyzed, None))) is not None:
        if isinstance(one, _NewAnalysis):
            yield _keep(one)
        elif isinstance(one, ImageFile):  # there twice, and kept by now
            yield from analyze_all([one], explain)
        else:
            yield one


def _known(file: ImageFile, digest: str) -> ImageFile | Analyzed:
    """The cached analysis of a file, or why it is not to be analyzed; else the file."""
    originals().put(digest, file.data, len(file.data))
    if image := analyses().get((_IMAGE, digest, network_key())):
        return replace(image, name=file.name, alt=file.alt)
    session, most = workspace(), server_config().session_pictures
    if session.pictures >= most:
        METRICS.count("refused: pictures of one")
        return UnreadableFile(
            file.name,
            f"Decor has analyzed {most:,} pictures for you, as many as this server does for "
            "one visitor; come back later, or run it on your own computer, where there is no "
            "such limit.",
        )
    session.pictures += 1
    return file


def _keep(new: _NewAnalysis) -> Analyzed:
    file, analysis = new.file, new.analysis
    if analysis.vector is None:
        METRICS.count("pictures: refused")
        return UnreadableFile(file.name, analysis.error)
    METRICS.count("pictures: looked at")
    METRICS.observe("picture", new.seconds)
    digest = content_hash(file.data)
    _keep_large_parts(digest, analysis)
    seen = analysis.vector, analysis.colors, analysis.thumb, analysis.notes
    image = AnalyzedImage(file.name, file.alt, digest, *seen)
    size = image.vector.nbytes + len(image.thumb) + _WORDS_BYTES
    analyses().put((_IMAGE, digest, network_key()), image, size)
    return image


def original_file(image: AnalyzedImage) -> bytes:
    """The file as it came; where it has gone by now, what is shown of it."""
    return originals().get(image.digest) or preview(image)


def preview(image: AnalyzedImage) -> bytes:
    """A file to show; a small one where nothing else of the image is left."""
    kept = analyses().get((_PREVIEW, image.digest))
    return kept or _analyze_again(image).preview or image.thumb


def attribution(image: AnalyzedImage, taxonomy: str) -> Explanation | None:
    """Evidence for each label of ``taxonomy``; None where it cannot be analyzed again."""
    bundle = predictor().bundle
    key, kept = analyses().get(_ATTRIBUTION) or (None, None)
    if key != (image.digest, *_model_key()):
        kept = _analyze_again(image).evidence
    if kept is None:
        return None
    return kept.rolled_up(bundle.taxonomy, taxonomy)


def network_key() -> tuple:
    """A key of all that the vectors of images depend on, apart from the images."""
    bundle = predictor().bundle
    return bundle.embedding, bundle.backbone_digest


def _model_key() -> tuple:
    bundle = predictor().bundle
    return bundle.title, bundle.created


def _analyze_again(image: AnalyzedImage) -> ImageAnalysis:
    """Analyze an image of which too little is kept, from the best that there is."""
    kept = originals().get(image.digest) or analyses().get((_PREVIEW, image.digest))
    bundle, limits, data = predictor().bundle, server_config().picture_limits, kept or image.thumb
    analysis = or_end_page(lambda: inference_pool().analyze_image(bundle, data, limits))
    _keep_large_parts(image.digest, analysis)
    return analysis


def _keep_large_parts(digest: str, analysis: ImageAnalysis) -> None:
    """Keep the preview, and the attribution of the latest image."""
    if analysis.preview:
        analyses().put((_PREVIEW, digest), analysis.preview, len(analysis.preview))
    if analysis.evidence:
        kept = (digest, *_model_key()), analysis.evidence
        analyses().put(_ATTRIBUTION, kept, analysis.evidence.maps.nbytes)
