"""The background queues of this server, each with a process for its kind of work."""

import atexit
from collections.abc import Mapping
from typing import get_args

import streamlit as st

from decor_app.hosting.config import server_config
from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.queue import QueueLimits
from decor_app.jobs.tasks import QueueName


@st.cache_resource(show_spinner=False)
def job_queues() -> Mapping[QueueName, BackgroundQueue]:
    """Queues by name; their processes start when they are wanted and end with the server.

    Searches and cross-validations do not share one with trainings, which would wait for them; what
    strangers bring is decoded apart from both, and only what needs TensorFlow loads it.
    """
    most = server_config()
    limits = QueueLimits(most.queue_each, most.queue_total, float(most.job_seconds))
    queues = {name: BackgroundQueue(limits) for name in get_args(QueueName)}
    for queue in queues.values():
        atexit.register(queue.close)
    return queues


def training_queue() -> BackgroundQueue:
    """The queue of trainings."""
    return job_queues()["training"]


def dataset_queue() -> BackgroundQueue:
    """The queue of what is done with data sets: reading and embedding pictures."""
    return job_queues()["dataset"]
