"""The session's jobs, in the trainer and in the reader, and the runs that come of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from decor_app.format import plain
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import CrossValidateRequest, NetworkRequest, Request
from decor_app.state import runs as shelf
from decor_app.state.dataset_jobs import reader
from decor_app.state.models import trainer, use_model
from decor_app.state.training_data import (
    Part,
    is_at_hand,
    joiner,
    parts_of,
    recall,
    remember,
    vectors_at_hand,
)
from decor_app.state.workspace import registry, workspace
from decor_core.errors import DecorError, TrainingError
from decor_core.features.backbones import BackboneSpec
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import Bundle
from decor_core.model.training_data import Material
from decor_core.runs.run import Run, run_of_bundle, run_of_training

TRAIN, SEARCH, JUDGE, CURVE = "train", "search", "judge", "curve"
EXPORT, BOARD, LEARN, KNOW = "export", "board", "learn", "know"
# What comes before the job itself: to look at the pictures that it learns from.
BEFOREHAND = ("network", "embed")
_STOPS_WITHIN = 0.5
_UNEXPECTED = "This failed for an unexpected reason; see the server's log."


def submit(purpose: str, request: Request, run_id: str = "") -> None:
    """Queue ``request`` as the session's job for ``purpose``, about a run where it is about one."""
    mine = workspace()
    mine.refused.pop(purpose, None)
    try:
        job_id = trainer().submit(request, mine.owner)
    except TrainingError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")
        return
    mine.jobs[purpose] = job_id
    mine.about[job_id] = run_id


def submit_on(
    purpose: str,
    material: Material,
    level: str,
    make: Callable[[Embeddings], Request] | None = None,
    run_id: str = "",
) -> None:
    """Queue what ``make`` makes of the material's vectors; first look at pictures where need be.

    All of it goes on by itself, whichever page is open and whether any is. Without ``make`` the
    vectors are all that is wanted.
    """
    try:
        _Errand(purpose, material, level, make, run_id).go_on()
    except DecorError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")


class _Errand:
    """A job that may need others before it: one follows on the other, on the trainers' threads."""

    def __init__(
        self,
        purpose: str,
        material: Material,
        level: str,
        make: Callable[[Embeddings], Request] | None,
        run_id: str,
    ) -> None:
        # A thread of a trainer belongs to no session: all that is of one is fetched now.
        self._mine, self._trainer, self._reader = workspace(), trainer(), reader()
        self._purpose, self._material, self._run_id = purpose, material, run_id
        self._make = make
        self._parts = parts_of(material)
        self._join = joiner(material, level)
        self._mine.refused.pop(purpose, None)

    def go_on(self) -> None:
        """Queue what is to be done next; DecorError where that is refused."""
        found = [recall(self._mine, part) for part in self._parts]
        missing = [p for p, vectors in zip(self._parts, found, strict=True) if vectors is None]
        architecture = self._material.spec.architecture
        if missing and not BackboneSpec.named(architecture).path.exists():
            self._queue(self._trainer, NetworkRequest(architecture), lambda job: None)
        elif missing:
            part = missing[0]
            self._queue(self._reader, part.request, lambda job: self._keep(part, job))
        elif self._make:
            self._queue(self._trainer, self._make(self._join(found)))
        else:
            self._mine.jobs.pop(self._purpose, None)

    def _keep(self, part: Part, job: Job) -> None:
        remember(self._mine, part, job.result)

    def _queue(
        self, place: Any, request: Request, take: Callable[[Job], None] | None = None
    ) -> None:
        mine = self._mine
        job_id = place.submit(request, mine.owner, take and (lambda job: self._follow(take, job)))
        mine.about[job_id] = self._run_id
        mine.jobs[self._purpose] = job_id

    def _follow(self, take: Callable[[Job], None], job: Job) -> None:
        take(job)
        try:
            self.go_on()
        except DecorError as error:
            self._mine.refused[self._purpose] = str(error)
        except Exception:
            self._mine.refused[self._purpose] = _UNEXPECTED
            raise  # into the log


def job_for(purpose: str, run_id: str = "") -> Job | None:
    """The session's latest job for ``purpose`` as it stands now, if it is about that run.

    One that only prepares for it goes on until the next one has begun.
    """
    mine = workspace()
    job_id = mine.jobs.get(purpose)
    if job_id is None or mine.about.get(job_id) != run_id:
        return None
    job = _snapshot(job_id)
    if job is None:
        mine.jobs.pop(purpose, None)  # the trainer keeps a limited number of ended ones
    elif job.status == "done" and job.request.kind in BEFOREHAND:
        reason = mine.refused.get(purpose)
        return replace(job, status="failed", message=reason) if reason else _going_on(job)
    return job


def _going_on(job: Job) -> Job:
    return replace(job, status="running", ended=None)


def _snapshot(job_id: str) -> Job | None:
    for place in (trainer(), reader()):
        try:
            return place.snapshot(job_id)
        except TrainingError:
            continue
    return None


def stop(purpose: str) -> None:
    """Stop the session's job for ``purpose``; most have ended when the page is drawn next."""
    job_id = workspace().jobs.get(purpose, "")
    for place in (trainer(), reader()):
        place.stop(job_id)
    wait(job_id, _STOPS_WITHIN)


def wait(job_id: str, seconds: float) -> None:
    """Wait until a job has ended, for so long at most."""
    for place in (trainer(), reader()):
        try:
            place.wait(job_id, seconds)
        except TrainingError:
            continue


def collect() -> None:
    """Make runs of all trainings that have ended, wherever their visitor was when they did."""
    mine = workspace()
    for job in trainer().jobs(mine.owner):
        if job.active or job.result is None or job.id in mine.collected:
            continue
        mine.collected[job.id] = ""  # by this tab, not by another one of the same browser
        mine.collected[job.id] = _keep(job, mine.about.get(job.id, ""))


def run_of(job: Job) -> Run | None:
    """The run that came of a training; None while there is none, or once it is deleted."""
    entry = shelf.find(workspace().collected.get(job.id, ""))
    return entry and entry.run


def can_train_further(run: Run) -> bool:
    """Whether further jobs can be done about a run: only on the data that are here."""
    return not run.read_only and is_at_hand(Material.of(run.bundle))


def ask_about(purpose: str, run: Run, kind: Callable[..., Request]) -> None:
    """Queue a job of that ``kind`` about a run, on what it learned from."""
    submit_on(
        purpose,
        Material.of(run.bundle),
        run.level,
        lambda vectors: kind(vectors, run.config, run.level, run.title),
        run.id,
    )


def found(purpose: str, run_id: str) -> Any:
    """What a job about a run gave, if it was asked for."""
    return workspace().found.get((purpose, run_id))


def vectors_for(material: Material, level: str) -> Embeddings | None:
    """The vectors of a material, if they are at hand; else they are fetched for the next time."""
    vectors = vectors_at_hand(material, level)
    if vectors is None and job_for(KNOW) is None and is_at_hand(material):
        submit_on(KNOW, material, level)
    return vectors


def _keep(job: Job, about: str) -> str:
    mine = workspace()
    if job.request.kind in ("train", "train on all"):
        run = mine.runs.save(_run(job))
        for old in mine.own_runs[registry().room(mine) :]:
            mine.runs.delete(old.id)
            st.toast(plain(f"“{old.title}” had to go: there is no room for more models."))
        if mine.jobs.get(LEARN) == job.id:
            use_model(run.bundle)
            if run.evaluation is None:  # its answers first, then how good they are
                ask_about(JUDGE, run, CrossValidateRequest)
        return run.id
    if job.request.kind == "cross-validate":
        shelf.judge(about, job.result)
    elif job.request.kind == "learning curve" and job.status == "done":
        mine.found[CURVE, about] = job.result
    return about


def _run(job: Job) -> Run:
    material = job.request.material
    if isinstance(job.result, Bundle):
        told = {"data": material.name, "material": material.to_json()}
        bundle = replace(job.result, training={**job.result.training, **told})
        return replace(run_of_bundle(bundle), seconds=job.seconds)
    return run_of_training(job.result, material.name, job.seconds, material.to_json())
