"""How pictures are looked at before a training: network, views, copies that learn along.

With pictures at hand all of it is free; of what ships only vectors are there, made one way.
"""

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.state.models import shipped_vectors_or_stop
from decor_app.training.augmentation_preview import copies_preview, show_copies
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.features.backbones import NETWORKS, BackboneSpec
from decor_core.features.embedder import VIEWS, EmbeddingSpec
from decor_core.images.augment import STANDARD, Augmentation, standard

_SPEC = EmbeddingSpec()
WORN, OWN, NONE = "Worn", "Your own", "None"
_MOST_COPIES = 4
_SHARES = {
    "crop": "The margin that is cut off, somewhere else each time.",
    "scale": "Up to how much it is enlarged.",
    "brightness": "Up to how much lighter or darker it gets.",
}
DEFAULTS = {
    "copies": True,
    "look_network": _SPEC.architecture,
    "look_views": _SPEC.views,
    "copies_kind": WORN,
    "own_flip": True,
    "own_crop": 10,
    "own_scale": 10,
    "own_brightness": 10,
    "own_copies": 2,
}


def chosen_spec(own: bool) -> EmbeddingSpec:
    """The network and views that the controls show; of what ships, those that it was made with."""
    if not own:
        return shipped_vectors_or_stop().spec
    return EmbeddingSpec(st.session_state.look_network, st.session_state.look_views)


def chosen_copies(own: bool, pictures: int) -> Augmentation | None:
    """The copies that learn along, as the controls show; None for none."""
    state = st.session_state
    if not own:
        return STANDARD if state.copies else None
    if state.copies_kind == WORN:
        worn = standard(pictures)
        return worn if worn.copies else None
    return _own_copies() if state.copies_kind == OWN else None


def _own_copies() -> Augmentation:
    state = st.session_state
    return Augmentation(
        flip=state.own_flip,
        crop=state.own_crop,
        scale=state.own_scale,
        brightness=state.own_brightness,
        copies=state.own_copies,
    )


def looks(pictures: Dataset | None) -> None:
    """The controls, for a data set or for what ships."""
    if pictures is None:
        _shipped_looks()
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.selectbox(
            "Network",
            NETWORKS,
            format_func=_network_words,
            key="look_network",
            help="What looks at the pictures. The first comes with Decor and is fast; larger ones "
            "see finer, and take longer.",
            persist_state="session",
        )
    with right:
        st.slider(
            "Views of each picture",
            1,
            len(VIEWS),
            key="look_views",
            help="The whole object, its centre, its quarters; what is seen in them is averaged. "
            "More take longer and hardly help, unless the pictures are crowded.",
            persist_state="session",
        )
    st.segmented_control(
        "Copies that learn along",
        (WORN, OWN, NONE),
        required=True,
        key="copies_kind",
        help="Worn: mirrored, enlarged, in other light, blurred or compressed, on another ground, "
        "as other people's photos are. Your own: the distortions of TensorFlow for Poets.",
        persist_state="session",
    )
    if st.session_state.copies_kind == OWN:
        _own_controls()
    augmentation = chosen_copies(True, len(pictures.table))
    if augmentation:
        with st.popover("What copies look like", icon=":material/auto_awesome_motion:"):
            _show_own(pictures, augmentation)
    elif st.session_state.copies_kind == WORN:
        st.caption(f"{len(pictures.table):,} pictures tell enough: copies are left out.")


def _own_controls() -> None:
    st.toggle("Mirror half of them", key="own_flip", persist_state="session")
    for name, words in _SHARES.items():
        st.slider(
            f"{name.capitalize()}, %", 0, 100, key=f"own_{name}", help=words,
            persist_state="session",
        )  # fmt: skip
    st.slider("Copies of each picture", 1, _MOST_COPIES, key="own_copies", persist_state="session")


def _show_own(pictures: Dataset, augmentation: Augmentation) -> None:
    file = pictures.table["file"].iloc[0]
    try:
        data = pictures.catalog.read(file)
        show_copies(data, augmentation, augmentation.copies, file)
    except DecorError as error:
        st.error(escape_markdown(str(error)), icon=":material/broken_image:")


def _network_words(name: str) -> str:
    here = BackboneSpec.named(name).path.exists()
    return name if here else f"{name} (fetched when first used)"


def _shipped_looks() -> None:
    data = shipped_vectors_or_stop()
    st.toggle(
        "Worn copies learn along",
        key="copies",
        help="Beside each photo copies of it: mirrored, enlarged, in other light, blurred or "
        "compressed, on another ground. They make the model hold up against other people's photos.",
        persist_state="session",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.selectbox("Network", [data.spec.architecture], disabled=True, key="shipped_network")
    with right:
        st.slider(
            "Views of each picture",
            1,
            len(VIEWS),
            data.spec.views,
            disabled=True,
            key="shipped_views",
        )
    st.caption(
        "What ships are the vectors of these photos, not the photos: another network, other views "
        "or copies need pictures of your own, from the Data page."
    )
    with st.popover("What copies look like", icon=":material/auto_awesome_motion:"):
        copies_preview(STANDARD)
