"""Data augmentation: which distorted copies are trained on, and what they look like."""

from dataclasses import replace

import streamlit as st
from PIL import Image

from decor_app import session_keys as keys
from decor_app.components.samples import samples
from decor_app.format import escape_markdown
from decor_app.training.setting_widget import setting_widget
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.images import augment
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import content_hash, load_picture
from decor_core.model.training_config import TrainingConfig
from decor_core.shipped import restorable

STANDARD, OWN, NONE = "Standard", "Your own", "None"
_SHARES = "random_crop", "random_scale", "random_brightness"
_SHOWN, _SIDE, _WIDTH = 4, 320, 112


def with_chosen_augmentation(config: TrainingConfig) -> TrainingConfig:
    """``config``, with distortions of one's own only where they are asked for."""
    distorted = config.flip_left_right or any(getattr(config, name) for name in _SHARES)
    if keys.AUGMENTATION.value == OWN and distorted:
        return config
    copies = None if keys.AUGMENTATION.value == STANDARD else 0
    return replace(config, copies=copies, flip_left_right=False, **dict.fromkeys(_SHARES, 0))


def augmentation_widgets(dataset: Dataset | None) -> None:
    """Draw the choice of the augmentation, of a data set or of what ships."""
    kinds = (STANDARD, OWN, NONE) if dataset else (STANDARD, NONE)
    if keys.AUGMENTATION.value not in kinds:
        keys.AUGMENTATION.value = STANDARD
    st.segmented_control(
        "Data augmentation",
        kinds,
        required=True,
        key=keys.AUGMENTATION,
        help="Distorted copies of each picture to train on beside it. Standard: mirrored, "
        "enlarged, in other light, blurred or compressed, on another background, so that the model "
        "holds up against other people's photos; made where the pictures show that it is worth the "
        "time. Your own: the distortions of TensorFlow for Poets.",
        persist_state="session",
    )
    if keys.AUGMENTATION.value == OWN:
        for name in ("flip_left_right", *_SHARES, "copies"):
            setting_widget(name)


def augmentation_preview(dataset: Dataset | None, augmentation: Augmentation | None) -> None:
    """Show distorted copies: the chosen ones of a data set, or any on a sample."""
    if dataset and augmentation is None:
        if keys.AUGMENTATION.value == STANDARD:
            st.caption(f"{len(dataset.table):,} pictures are enough: copies are left out.")
        elif keys.AUGMENTATION.value == OWN:
            st.caption("Nothing is distorted, so there are no copies.")
        return
    with st.popover("What copies look like", icon=":material/auto_awesome_motion:"):
        try:
            if dataset and augmentation:
                file = dataset.table["file"].iloc[0]
                _show_copies(dataset.catalog.read(file), augmentation, augmentation.copies, file)
            else:
                _try_distortions()
        except DecorError as error:
            st.error(escape_markdown(str(error)), icon=":material/broken_image:")


def _try_distortions() -> None:
    """Widgets of all distortions, beginning with the standard ones, and what they do."""
    st.markdown(
        "A copy shows the model the same ornament as another camera would. "
        "Try what each distortion does:"
    )
    standard, preview = augment.STANDARD, keys.PREVIEW
    preview.of("flip_left_right").setdefault(standard.flip)
    for name in _SHARES:
        preview.of(name).setdefault(round(getattr(standard, name.removeprefix("random_"))))
    with st.container(horizontal=True, gap="medium"):
        setting_widget("flip_left_right", key=preview)
        degrade = st.toggle(
            "Lower quality",
            standard.degrade,
            key=preview.of("degrade"),
            help="Other light and colors; one in four each is blurred, a coarse JPEG, or small.",
        )
        background = st.toggle(
            "Other background",
            standard.background,
            key=preview.of("background"),
            help="Every second copy shows the object on other colors.",
        )
    with st.container(horizontal=True, gap="medium"):
        for name in _SHARES:
            setting_widget(name, key=preview, width=150)
    flip, shares = preview.of("flip_left_right").value, [preview.of(one).value for one in _SHARES]
    chosen = Augmentation(
        flip, *shares, degrade=degrade, background=background, copies=standard.copies
    )
    for sample in samples()[:1]:
        with restorable(sample.path):
            _show_copies(sample.data(), chosen, _SHOWN, sample.alt)
    command = "python -m decor_core retrain --image_dir photos"
    if chosen != standard:
        command += " --flip_left_right" * flip
        command += "".join(
            f" --{name} {share}" for name, share in zip(_SHARES, shares, strict=True) if share
        )
    if chosen == standard or not (degrade or background):
        st.markdown(":small[To train on such copies of your own photos, on the command line:]")
        st.code(command, language="bash")
    else:
        st.markdown(
            ":small[On the command line, lower quality and other backgrounds come with the "
            "standard distortions only.]"
        )


def _show_copies(data: bytes, augmentation: Augmentation, count: int, alt: str) -> None:
    """A picture and the first of its copies, side by side; PictureError if it is none."""
    with st.container(horizontal=True, gap="small", key="copies_shown"):
        st.image(_small(data), width=_WIDTH, caption="As it is", alt=alt)
        for number in range(count):
            copy = _copy(data, augmentation, number)
            st.image(copy, width=_WIDTH, caption=f"Copy {number + 1}", alt=f"{alt}, distorted")


def _small(data: bytes) -> Image.Image:
    return load_picture(data, max_side=_SIDE)


@st.cache_data(max_entries=20, show_spinner=False, scope="session")
def _copy(data: bytes, augmentation: Augmentation, number: int) -> Image.Image:
    return distort(_small(data), augmentation, content_hash(data), number)
