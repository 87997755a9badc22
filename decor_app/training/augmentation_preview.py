"""What distorted copies of a picture look like, shown on a picture."""

from dataclasses import replace

import streamlit as st
from PIL import Image

from decor_app import session_keys as keys
from decor_app.components.samples import Sample, samples
from decor_app.format import escape_markdown
from decor_core.errors import DecorError
from decor_core.features.backbones import restorable
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import content_hash, load_picture

_COPIES = 4
_SIDE = 320
_SWITCHES = (
    ("flip", "Mirror", "Half of the copies."),
    (
        "wear",
        "Wear",
        "Other light and colours; one in four each is blurred, a coarse JPEG, or small.",
    ),
    ("ground", "Other ground", "Every second copy shows the object on other colours."),
)
_SHARES = (
    ("crop", "The margin that is cut off, somewhere else each time."),
    ("scale", "Up to how much it is enlarged."),
    ("brightness", "Up to how much lighter or darker it gets."),
)


def copies_preview(standard: Augmentation) -> None:
    """Controls of the distortions, beginning with the ``standard``, and what they do."""
    st.markdown(
        "A copy shows the model the same ornament as another camera would. "
        "Try what each distortion does:"
    )
    with st.container(horizontal=True, gap="medium"):
        switches = {
            name: st.toggle(label, getattr(standard, name), key=keys.PREVIEW.of(name), help=words)
            for name, label, words in _SWITCHES
        }
    with st.container(horizontal=True, gap="medium"):
        shares = {
            name: st.slider(
                f"{name.capitalize()}, %",
                0,
                100,
                round(getattr(standard, name)),
                key=keys.PREVIEW.of(name),
                help=words,
                width=150,
            )
            for name, words in _SHARES
        }
    chosen = Augmentation(**switches, **shares, copies=_COPIES)
    for sample in samples()[:1]:
        _show_on(sample, chosen)
    if not (chosen.wear or chosen.ground) or replace(chosen, copies=standard.copies) == standard:
        st.markdown(":small[To train on such copies of your own photos, on the command line:]")
        st.code(f"python -m decor_core retrain --image_dir photos{_flags(chosen)}", language="bash")
    else:
        st.markdown(
            ":small[On the command line, wear and other grounds come with the standard "
            "distortions only.]"
        )


def _show_on(sample: Sample, chosen: Augmentation) -> None:
    try:
        with restorable(sample.path):
            show_copies(sample.data(), chosen, _COPIES, sample.alt)
    except DecorError as error:
        st.error(escape_markdown(str(error)), icon=":material/broken_image:")


def show_copies(data: bytes, augmentation: Augmentation, count: int, alt: str) -> None:
    """A picture and the first of its copies, beside each other; PictureError if it is none."""
    with st.container(horizontal=True, gap="small", key="copies_shown"):
        st.image(_copies(data, None, 0), width=112, caption="As it is", alt=alt)
        for number in range(count):
            st.image(
                _copies(data, augmentation, number),
                width=112,
                caption=f"Copy {number + 1}",
                alt=f"{alt}, distorted",
            )


@st.cache_data(max_entries=100, show_spinner=False)
def _copies(data: bytes, augmentation: Augmentation | None, number: int) -> Image.Image:
    picture = load_picture(data, max_side=_SIDE)
    return distort(picture, augmentation, content_hash(data), number) if augmentation else picture


def _flags(chosen: Augmentation) -> str:
    if chosen.wear or chosen.ground:
        return ""  # the standard ones
    flags = " --flip_left_right" if chosen.flip else ""
    for name in ("crop", "scale", "brightness"):
        if getattr(chosen, name):
            flags += f" --random_{name} {getattr(chosen, name)}"
    return flags
