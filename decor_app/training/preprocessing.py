"""How pictures are looked at before a training: network, views, copies that learn along.

With pictures at hand all of it is free; of what ships only vectors are there, made one way.
"""

import streamlit as st

from decor_app import session_keys as keys
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
    keys.OWN_CROP: "The margin that is cut off, somewhere else each time.",
    keys.OWN_SCALE: "Up to how much it is enlarged.",
    keys.OWN_BRIGHTNESS: "Up to how much lighter or darker it gets.",
}
DEFAULTS = {
    keys.COPIES: True,
    keys.NETWORK: _SPEC.architecture,
    keys.VIEWS: _SPEC.views,
    keys.COPIES_KIND: WORN,
    keys.OWN_FLIP: True,
    keys.OWN_CROP: 10,
    keys.OWN_SCALE: 10,
    keys.OWN_BRIGHTNESS: 10,
    keys.OWN_COPIES: 2,
}


def chosen_spec(own: bool) -> EmbeddingSpec:
    """The network and views that the controls show; of what ships, those that it was made with."""
    if not own:
        return shipped_vectors_or_stop().spec
    return EmbeddingSpec(keys.NETWORK.value, keys.VIEWS.value)


def chosen_copies(own: bool, pictures: int) -> Augmentation | None:
    """The copies that learn along, as the controls show; None for none."""
    if not own:
        return STANDARD if keys.COPIES.value else None
    if keys.COPIES_KIND.value == WORN:
        worn = standard(pictures)
        return worn if worn.copies else None
    return _own_copies() if keys.COPIES_KIND.value == OWN else None


def _own_copies() -> Augmentation:
    return Augmentation(
        flip=keys.OWN_FLIP.value,
        crop=keys.OWN_CROP.value,
        scale=keys.OWN_SCALE.value,
        brightness=keys.OWN_BRIGHTNESS.value,
        copies=keys.OWN_COPIES.value,
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
            key=keys.NETWORK,
            help="What looks at the pictures. The first comes with Decor and is fast; larger ones "
            "see finer, and take longer.",
            persist_state="session",
        )
    with right:
        st.slider(
            "Views of each picture",
            1,
            len(VIEWS),
            key=keys.VIEWS,
            help="The whole object, its centre, its quarters; what is seen in them is averaged. "
            "More take longer and hardly help, unless the pictures are crowded.",
            persist_state="session",
        )
    st.segmented_control(
        "Copies that learn along",
        (WORN, OWN, NONE),
        required=True,
        key=keys.COPIES_KIND,
        help="Worn: mirrored, enlarged, in other light, blurred or compressed, on another ground, "
        "as other people's photos are. Your own: the distortions of TensorFlow for Poets.",
        persist_state="session",
    )
    if keys.COPIES_KIND.value == OWN:
        _own_controls()
    augmentation = chosen_copies(True, len(pictures.table))
    if augmentation:
        with st.popover("What copies look like", icon=":material/auto_awesome_motion:"):
            _show_own(pictures, augmentation)
    elif keys.COPIES_KIND.value == WORN:
        st.caption(f"{len(pictures.table):,} pictures tell enough: copies are left out.")


def _own_controls() -> None:
    st.toggle("Mirror half of them", key=keys.OWN_FLIP, persist_state="session")
    for key, words in _SHARES.items():
        name = key.removeprefix("own_").capitalize()
        st.slider(
            f"{name}, %", 0, 100, key=key, help=words,
            persist_state="session",
        )  # fmt: skip
    st.slider(
        "Copies of each picture", 1, _MOST_COPIES, key=keys.OWN_COPIES, persist_state="session"
    )


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
        key=keys.COPIES,
        help="Beside each photo copies of it: mirrored, enlarged, in other light, blurred or "
        "compressed, on another ground. They make the model hold up against other people's photos.",
        persist_state="session",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.selectbox("Network", [data.spec.architecture], disabled=True, key=keys.SHIPPED_NETWORK)
    with right:
        st.slider(
            "Views of each picture",
            1,
            len(VIEWS),
            data.spec.views,
            disabled=True,
            key=keys.SHIPPED_VIEWS,
        )
    st.caption(
        "What ships are the vectors of these photos, not the photos: another network, other views "
        "or copies need pictures of your own, from the Data page."
    )
    with st.popover("What copies look like", icon=":material/auto_awesome_motion:"):
        copies_preview(STANDARD)
