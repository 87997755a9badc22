"""Classify: pictures in, predictions at once."""

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.camera import camera_image
from decor_app.classify.correction_training import show_corrections_bar
from decor_app.classify.corrections import corrections_dataset
from decor_app.classify.gallery import show_gallery
from decor_app.classify.model_in_use import headline, show_model_controls
from decor_app.classify.prediction_view import show_notes, show_prediction, show_unreadable
from decor_app.classify.sample_picker import sample_instead_of
from decor_app.classify.uploads import uploaded_images
from decor_app.page import open_page
from decor_app.state.finished_jobs import collect
from decor_app.state.images import Analyzed, AnalyzedImage, UnreadableFile
from decor_app.state.models import predictor
from decor_app.state.toasts import show_waiting_toasts
from decor_core.model.predictor import VectorPredictor


@st.fragment  # what is chosen in it leaves the left side of the page as it is
def show_answers(files: list[Analyzed], model: VectorPredictor) -> None:
    """What ``model`` says of the files."""
    if model is not predictor():  # another is in use since: the whole page is of that one
        st.rerun()
    show_waiting_toasts()
    shown_taxonomy = show_model_controls()
    corrections = corrections_dataset()
    show_corrections_bar(corrections)
    unreadable = [file for file in files if isinstance(file, UnreadableFile)]
    show_unreadable(unreadable)
    images = [file for file in files if isinstance(file, AnalyzedImage)]
    if not images:
        return
    show_notes(images)
    predictions = model.predict(np.stack([image.vector for image in images]), shown_taxonomy)
    by_digest = {
        image.digest: (image, prediction)
        for image, prediction in zip(images, predictions, strict=True)
    }
    opened = by_digest.get(keys.OPENED.value)
    if opened and len(images) > 1:
        st.button(
            f"All {len(images)} pictures",
            icon=":material/arrow_back:",
            on_click=keys.OPENED.clear,
        )
    trained_taxonomy = model.bundle.taxonomy
    if opened or len(images) == 1:
        image, prediction = opened or (images[0], predictions[0])
        show_prediction(image, prediction, trained_taxonomy, corrections)
    else:
        show_gallery(images, predictions, unreadable, trained_taxonomy, corrections)


collect()
open_page(*headline())
left, right = st.columns([5, 7], gap="large")

with left:
    files, camera = st.tabs(["Files", "Camera"], key=keys.SOURCE, on_change="rerun")
    with files:
        uploads = uploaded_images()
    with camera:  # only when open: drawing it already asks for permission to use the camera
        photo = camera_image() if camera.open else None
    files_shown = sample_instead_of([photo] if photo else uploads)

with right:
    show_answers(files_shown, predictor())
