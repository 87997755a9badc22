"""The background processes of this server: those that analyze images, and one for each queue."""

import atexit
from collections.abc import Mapping
from contextlib import suppress
from typing import get_args

import streamlit as st

from decor_app.hosting.config import server_config
from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.inference_pool import InferencePool
from decor_app.jobs.queue import QueueLimits
from decor_app.jobs.tasks import QueueName
from decor_app.jobs.train_tasks import WarmUpTask
from decor_core.errors import DecorError
from decor_core.model.bundle import load_bundle


@st.cache_resource(show_spinner=False)
def inference_pool() -> InferencePool:
    """The processes that analyze what is to be classified, one image each."""
    made = InferencePool()
    atexit.register(made.close)
    return made


@st.cache_resource(show_spinner=False)
def job_queues() -> Mapping[QueueName, BackgroundQueue]:
    """Queues by name; their processes start when they are wanted and end with the server.

    Searches and cross-validations do not share one with trainings, which would wait for them; what
    visitors bring is decoded apart from both, and only what needs TensorFlow loads it.
    """
    most = server_config()
    limits = QueueLimits(most.queue_each, most.queue_total, float(most.job_seconds))
    queues = {name: BackgroundQueue(limits) for name in get_args(QueueName)}
    for queue in queues.values():
        atexit.register(queue.close)
    return queues


def warm_inference() -> None:
    """Start one process, which gets ready while the pages are imported."""
    if not server_config().warm_up:
        return
    with suppress(DecorError):  # whoever wants to see something is told
        inference_pool().begin(load_bundle())


def warm_training_process() -> None:
    """Let the training process get ready for what ships."""
    if server_config().warm_up:
        job_queues()["training"].warm(WarmUpTask())
