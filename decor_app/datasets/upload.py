"""Places to drop pictures: a folder, a zip, a table; single ones into a class; the camera."""

import io
from collections.abc import Sequence
from datetime import datetime

import streamlit as st
from streamlit.components.v2 import component

from decor_app import session_keys as keys
from decor_app.components.burst_camera import burst_camera, keep_burst
from decor_app.components.class_picker import class_picker, picked_class
from decor_app.components.samples import SAMPLES, samples
from decor_app.datasets.ingest import UPLOAD, begin_ingest
from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.hosting.uploads import file_limit, held_files
from decor_app.jobs.ingest_tasks import check_count
from decor_app.page import asset
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import edit, open_set, opened, store, toast_error, where_kept
from decor_app.state.disk_quota import check_disk_quota
from decor_app.state.toasts import toast
from decor_core.data.tables.table import TABLE_ENDINGS
from decor_core.datasets.dataset import Dataset, begin_dataset
from decor_core.datasets.demo import write_example
from decor_core.datasets.editing import checked_label
from decor_core.datasets.upload import pack_upload, title_of
from decor_core.errors import DecorError
from decor_core.shipped import restorable
from decor_core.text import pluralize

_MAX_SHOTS = 600  # that a session holds, 60 KB each, until they are labeled
_CAMERA_WAYS = ("Burst", "One photo")


def show_ways_in() -> None:
    """All ways to begin a data set."""
    _show_tabs(("Folder, zip or table", "Single pictures", "Camera"), keys.WAY_IN, None)


def show_additions(dataset: Dataset) -> None:
    """Ways to add to a data set."""
    _show_tabs(("Single pictures", "Camera"), keys.WAY_TO_ADD, dataset)


def _show_tabs(names: Sequence[str], key: SessionKey[str], dataset: Dataset | None) -> None:
    for name, tab in zip(names, st.tabs(names, key=key, on_change="rerun"), strict=True):
        if tab.open:  # merely to draw the widget asks for the camera
            with tab:
                _WAYS[name](dataset)


def show_empty_state() -> None:
    """Advice on what to bring, for a first visit."""
    st.markdown(
        "- **Folders**: one for each class, named like it, with its pictures in it. A zip or "
        "tar.gz of them will do.\n"
        "- **Or a table**: CSV or Excel (.xlsx) that names each picture and its class, with the "
        "pictures.\n"
        "- **No classes yet?** Bring the pictures as they are. You label them here, with one key "
        "for each class, and after a few pictures the model proposes the rest.\n"
        "- **How many?** Ten of each class are a start, fifty are good. Mistakes are fine: you "
        "will be shown what looks wrong."
    )
    if not samples():
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Try an example",
            icon=":material/auto_awesome:",
            on_click=_ingest_example,
            help="75 drawn pictures in seven classes, with a few faults for you to find.",
        )
        st.caption("Nothing at hand? These are drawings, with a few faults to find.")


def _ingest_example() -> None:
    into = store().begin("Example")
    into.mkdir(parents=True)
    try:
        with restorable(SAMPLES):
            write_example(into / UPLOAD, [(one.file, one.style, one.data()) for one in samples()])
    except DecorError as error:
        store().discard(into.name)
        toast_error(error)
        return
    begin_ingest(into / UPLOAD, into, "Example")


# A folder, a zip, a table with its pictures


def _drop_zone(_: None) -> None:
    key = keys.DROP_ZONE.of(keys.DROPS.value)
    with st.container(key="bring_zone"):
        files = st.file_uploader(
            "Drop a folder, a zip or tar.gz, pictures, or a table with its pictures",
            accept_multiple_files=True,
            key=key,
            max_upload_size=server_config().upload_mb,
            on_change=_receive,
            args=(key,),
        )
    _packer()(key=keys.PACKER, data={"zone": "bring_zone", "limit": file_limit()})
    if files:
        st.info("A table needs its pictures: drop or choose them, too.", icon=":material/info:")
    st.caption(where_kept())


def _receive(key: SessionKey[list]) -> None:
    """Take what was uploaded once there is more than a table, and let the upload go."""
    files, gone = held_files(key.value)
    if gone:
        toast_error(f"{gone} Nothing was added.")
        keys.DROPS.value += 1  # an empty drop zone
        return
    if not files or all(file.name.lower().endswith(TABLE_ENDINGS) for file in files):
        return
    _begin([(file.name, file) for file in files], title_of([file.name for file in files]))
    keys.DROPS.value += 1


def _begin(
    files: Sequence[tuple[str, io.BytesIO]], title: str, label: str = "", *, unlabeled: bool = False
) -> None:
    into = store().begin(title)
    try:
        check_disk_quota(sum(len(file.getbuffer()) for _, file in files), store().root)
        pack_upload(files, into / UPLOAD)
    except DecorError as error:
        toast_error(error)
        return
    begin_ingest(into / UPLOAD, into, title, label, unlabeled=unlabeled)


# Pictures of one class


def _single_pictures(dataset: Dataset | None) -> None:
    key = keys.ADD_FILES.of(keys.ADDITIONS.value)
    class_picker(dataset and dataset.catalog.taxonomy, keys.ADD_LABEL)
    st.file_uploader(
        "Pictures of this class",
        accept_multiple_files=True,
        key=key,
        max_upload_size=server_config().upload_mb,
    )
    st.button(
        "Add",
        type="primary",
        icon=":material/add_photo_alternate:",
        on_click=_add_files,
        args=(key,),
        disabled=not key.value,  # what is on its way would not be added
    )
    if dataset is None:
        st.caption("They make a new data set. Classes can be added one after the other.")


def _add_files(key: SessionKey[list]) -> None:
    files, gone = held_files(key.value)
    if gone:
        toast_error(f"{gone} Nothing was added.")
        keys.ADDITIONS.value += 1  # an empty drop zone
    else:
        _add([(file.name, file.getvalue()) for file in files])


def _add(files: Sequence[tuple[str, bytes]]) -> None:
    """Add pictures to the open set, or begin one with them."""
    try:
        label, parent = picked_class(keys.ADD_LABEL)
        label = checked_label(label)
        check_disk_quota(sum(len(data) for _, data in files), store().root)
    except DecorError as error:
        toast_error(error)
        return
    if opened() is None:
        _begin([(name, io.BytesIO(data)) for name, data in files], "My pictures", label)
        keys.ADDITIONS.value += 1
        return
    with st.spinner("Adding …"):
        if edit(lambda now: _added(now, files, label, parent)):
            keys.ADDITIONS.value += 1


def _added(now: Dataset, files: Sequence[tuple[str, bytes]], label: str, parent: str) -> Dataset:
    check_count(len(now.table) + len(files))
    after, refused = now.add(files, label, parent)
    for entry in refused[:3]:
        toast(
            f"{escape_markdown(entry.file)}: {escape_markdown(entry.message)}",
            icon=":material/broken_image:",
        )
    return after


def _camera(dataset: Dataset | None) -> None:
    later = "Without a class: label them afterwards"
    if dataset is None and st.checkbox(later, key=keys.BURST_UNLABELED):
        _unlabeled_bursts()
        return
    class_picker(dataset and dataset.catalog.taxonomy, keys.ADD_LABEL)
    way = st.segmented_control(
        "Camera", _CAMERA_WAYS, default=_CAMERA_WAYS[0], required=True, key=keys.CAMERA_WAY,
        label_visibility="collapsed",
    )  # fmt: skip
    if way == _CAMERA_WAYS[0]:
        burst_camera(picked_class(keys.ADD_LABEL)[0], _add_shots)
        if dataset:
            counts = (f"{escape_markdown(name)} {n}" for name, n in dataset.counts.items())
            st.caption(f"So far: {' · '.join(counts)}.")
        return
    taken = st.camera_input("Take a photo", key=keys.ADD_PHOTO.of(keys.BURSTS.value))
    if taken:
        st.button(
            "Add this photo",
            type="primary",
            icon=":material/add_a_photo:",
            on_click=lambda: keep_burst([taken.getvalue()], _add_shots),
        )


def _unlabeled_bursts() -> None:
    """The camera, and a way to label what it has taken so far."""
    burst_camera("the pictures to label", _collect_shots)
    if count := len(keys.LABELING_SHOTS.value):
        st.button(
            f"Label these {count}" if count > 1 else "Label this one",
            type="primary",
            icon=":material/label:",
            on_click=_label_shots,
        )


def _collect_shots(shots: Sequence[bytes]) -> str:
    """Keep what the camera has taken until it is to be labeled; how much that is."""
    now = [*keys.LABELING_SHOTS.value, *_named(shots)]
    if len(now) > _MAX_SHOTS:
        return f"{_MAX_SHOTS} pictures are the most at once: label what there is first."
    keys.LABELING_SHOTS.value = now
    return f"{pluralize(len(now), 'picture')} so far. Record more, or label them."


def _label_shots() -> None:
    files = [(name, io.BytesIO(shot)) for name, shot in keys.LABELING_SHOTS.value]
    keys.LABELING_SHOTS.clear()
    _begin(files, "My pictures", unlabeled=True)


def _named(shots: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Take the photos of one burst; by such names they are known to belong together."""
    name = f"{datetime.now():%Y-%m-%d %H.%M.%S} burst {keys.BURSTS.value + 1}"
    return [(f"{name} {i:03}.jpg", shot) for i, shot in enumerate(shots, start=1)]


def _add_shots(shots: Sequence[bytes]) -> str:
    """Add what the camera has taken in one step; what was done, or why it was not."""
    pictures = _named(shots)
    label, parent = picked_class(keys.ADD_LABEL)
    try:
        check_disk_quota(sum(map(len, shots)), store().root)
        if opened():
            changed = edit(lambda now: _added(now, pictures, label, parent))
            return f"{changed.step}." if changed else "They were not added."
        made = _begin_with(pictures, checked_label(label))
    except DecorError as error:
        toast_error(error)
        return str(error)
    open_set(made.id)
    keys.DATA_VIEW.value, keys.WAY_TO_ADD.value = "Add pictures", "Camera"
    return f"{pluralize(len(made.table), 'picture')} added to “{label}”."


def _begin_with(pictures: Sequence[tuple[str, bytes]], label: str) -> Dataset:
    """A new set of pictures of one class, at once: they are few, and the camera stays at hand."""
    check_count(len(pictures))
    folder = store().begin("My pictures")
    try:
        return begin_dataset(folder, "My pictures", ("class",), pictures, {"class": label})
    except DecorError:
        store().discard(folder.name)
        raise


_WAYS = {
    "Folder, zip or table": _drop_zone,
    "Single pictures": _single_pictures,
    "Camera": _camera,
}


@st.cache_resource(show_spinner=False)
def _packer():
    return component(
        "decor-pack",
        html=asset("folder_upload.html"),
        css=asset("folder_upload.css") + asset("status.css"),
        js=asset("file_limit.js") + asset("folder_upload.js"),
    )
