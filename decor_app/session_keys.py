"""Every key of Streamlit's session state, typed: what the pages and their widgets remember.

``OPENED.value`` reads an entry, ``OPENED.value = digest`` writes it, ``OPENED.clear()`` removes it;
as ``key=OPENED`` it belongs to a widget. Where each run, picture or data set has an entry of its
own, ``TITLE.of(run.id)`` is its key. Keys of containers are classes for style.css, and not here.
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

if TYPE_CHECKING:  # only in quotes below, where Ruff does not see that they are used
    from collections.abc import Sequence  # noqa: F401

    from decor_app.classify.uploads import UploadBatch  # noqa: F401
    from decor_app.state.cache import Owner  # noqa: F401
    from decor_app.state.images import AnalyzedImage  # noqa: F401
    from decor_app.state.runs import RunEntry  # noqa: F401
    from decor_app.state.toasts import Toast  # noqa: F401
    from decor_app.state.workspace import Workspace  # noqa: F401

T = TypeVar("T")
_NO_DEFAULT: Any = object()


class SessionKey(str, Generic[T]):
    """The key of an entry of type T; a string, so that widgets take it as their ``key``."""

    _default: T

    def __new__(cls, name: str, default: T = _NO_DEFAULT) -> "SessionKey[T]":
        made = super().__new__(cls, name)
        made._default = default
        return made

    @property
    def value(self) -> T:
        """The entry, else the default; KeyError where it has neither."""
        if self._default is _NO_DEFAULT:
            return st.session_state[self]
        return st.session_state.get(self, self._default)

    @value.setter
    def value(self, value: T) -> None:
        self.set(value)

    def get(self, default: T) -> T:
        """The entry, else this default."""
        return st.session_state.get(self, default)

    def set(self, value: T) -> None:
        """Write the entry: the same as ``value =``, to be called by a widget."""
        st.session_state[self] = value

    def setdefault(self, value: T) -> T:
        """The entry, which is ``value`` from now on where there was none."""
        if self not in st.session_state:
            st.session_state[self] = value
        return st.session_state[self]

    def clear(self) -> None:
        """Remove the entry, if there is one."""
        st.session_state.pop(self, None)

    def of(self, item: object) -> "SessionKey[T]":
        """The key of the entry that is about ``item``."""
        return SessionKey(f"{self}-{item}", self._default)


# All pages
WORKSPACE = SessionKey["Workspace | None"]("workspace", None)
WAITING_TOASTS = SessionKey["tuple[Toast, ...]"]("waiting_toasts", ())
CACHE_OWNER = SessionKey["Owner"]("cache_owner")
WAITS_OUTSIDE = SessionKey[bool]("waits_outside", False)  # the server is full
ADMIN_PASSWORD = SessionKey[bytes]("admin_password", b"")  # digest of what was typed
ENDED_JOBS = SessionKey[frozenset[str]]("ended_jobs", frozenset())  # ids, as the page began
STOP = SessionKey[None]("stop")  # of the job for a purpose
TITLE = SessionKey[str]("title")  # of a run or data set, by its id

# Grids of images, by their names
GRID = SessionKey[Any]("grid")  # and by what it shows
GRID_TOKEN = SessionKey[str]("grid_token", "")
GRIDS_DRAWN = SessionKey[int]("grids_drawn", 0)  # of all; another number: all are drawn anew
PICKED_AT_FIRST = SessionKey[list[str]]("picked_at_first")  # when this grid was first drawn

# Classify: what to classify
SOURCE = SessionKey[str]("source")  # tab: files or camera
UPLOADS = SessionKey[list]("uploads")
BATCH = SessionKey["UploadBatch | None"]("batch", None)
CAMERA_MODE = SessionKey[str]("camera_mode")
PHOTO = SessionKey[Any]("photo")
LIVE = SessionKey[Any]("live")
SAMPLE = SessionKey[str]("sample", "")  # file name, without its ending
SAMPLE_WANTED = SessionKey[bool]("sample_wanted", False)  # although pictures of one's own are there

# Classify: the prediction
TAXONOMY = SessionKey[str]("taxonomy")  # by the names that there are to choose from
CONFIDENCE_THRESHOLD = SessionKey[float]("confidence_threshold")  # percent
NOVELTY_THRESHOLD = SessionKey[float]("novelty_threshold")  # percent
SHOW_ATTRIBUTION = SessionKey[bool]("show_attribution")
OPACITY = SessionKey[int]("opacity")  # percent
ATTRIBUTION_LABEL = SessionKey[str]("attribution_label")  # by picture, taxonomy and prediction

# Classify: many predictions
OPENED = SessionKey[str]("opened", "")  # digest of the picture that is shown at large
MANY_VIEW = SessionKey[str]("many_view")
MANY_FILTER = SessionKey[str]("many_filter")
MANY_ORDER = SessionKey[str]("many_order")
MANY_TABLE = SessionKey[Any]("many_table")  # by what it shows
MANY_PICKED = SessionKey[frozenset[str]]("many_picked", frozenset())  # digests

# Classify: corrections
TO_CORRECT = SessionKey["Sequence[AnalyzedImage]"]("to_correct")  # what the form is about
CORRECT_ONE = SessionKey[str | None]("correct_one")  # by digest
CORRECT_MANY = SessionKey[str | None]("correct_many")
SAVE_CORRECTION = SessionKey[None]("save_correction")  # by which of the two
UNDO_CORRECTION = SessionKey[None]("undo_correction")
DOWNLOAD_CORRECTIONS = SessionKey[None]("download_corrections")

# Data: bringing in
WAY_IN = SessionKey[str]("way_in")  # tab
WAY_TO_ADD = SessionKey[str]("way_to_add")  # tab
DROP_ZONE = SessionKey[list]("drop_zone")  # by the times that something was dropped
DROPS = SessionKey[int]("drops", 0)
PACKER = SessionKey[None]("packer")
ADD_FILES = SessionKey[list]("add_files")  # by the times that something was added
ADD_PHOTO = SessionKey[Any]("add_photo")
ADD_LABEL = SessionKey[str | None]("add_label", None)
ADDITIONS = SessionKey[int]("additions", 0)
CAMERA_WAY = SessionKey[str]("camera_way")  # a burst or one photo
BURST_CAMERA = SessionKey[Any]("burst_camera")
BURSTS = SessionKey[int]("bursts", 0)  # that have come
BURST_UNLABELED = SessionKey[bool]("burst_unlabeled", False)
LABELING_SEEN = SessionKey[bool]("labeling_seen", False)  # whether the address was asked for it
LABELING_SHOTS = SessionKey[list[tuple[str, bytes]]](
    "labeling_shots", []
)  # names and JPEGs, to be labeled
BURST_ANSWER = SessionKey[str]("burst_answer", "")  # what was done with the last one
INGEST_CLASS = SessionKey[str]("ingest_class", "")
INGEST_COLUMN = SessionKey[str]("ingest_column")  # by purpose
INGEST_TYPES = SessionKey[list]("ingest_types")
INGEST_CLASSES_FROM = SessionKey[int]("ingest_classes_from", 0)  # number of an outline
INGEST_CHANGE = SessionKey[bool]("ingest_change", False)  # the guess is to be changed

# Data: pictures without classes
LABELER = SessionKey[Any]("labeler")  # by id of the set

# Data: all data sets
ALL_SETS = SessionKey[bool]("all_sets", False)
OPEN_SET = SessionKey[None]("open_set")  # by id
RESTORE_SET = SessionKey[None]("restore_set")
DELETED_SET = SessionKey[tuple[str, str]]("deleted_set", ("", ""))  # id and title

# Data: one data set
DATA_VIEW = SessionKey[str]("data_view")  # tab
FILTER_LABEL = SessionKey[list]("filter_label")
FILTER_TYPE = SessionKey[str | None]("filter_type")
FILTER_PROBLEM = SessionKey[str | None]("filter_problem")
FILTER_PART = SessionKey[str | None]("filter_part")
FILTER_VERDICT = SessionKey[str | None]("filter_verdict")
FILTER_NAME = SessionKey[str]("filter_name")
FILTERS: tuple[SessionKey, ...] = (
    *(FILTER_LABEL, FILTER_TYPE, FILTER_PROBLEM, FILTER_PART, FILTER_VERDICT, FILTER_NAME),
)
GRID_PAGE = SessionKey[int]("grid_page", 0)
TURN_PAGE = SessionKey[None]("turn_page")
PICKED = SessionKey[frozenset[str]]("picked", frozenset())  # files, on whichever page of the grid
PICKED_LABEL = SessionKey[str | None]("picked_label", None)
ENLARGED_LABEL = SessionKey[str | None]("enlarged_label", None)
MAP = SessionKey[Any]("map")  # by version of a set
USE_FIRST_MODEL = SessionKey[None]("use_first_model")
MARKED = SessionKey["frozenset[str] | None"]("marked", None)  # files in the box on the map
FINDINGS_SHOWN = SessionKey[int]("findings_shown")  # by kind
SHOW_MORE = SessionKey[None]("show_more")
FIX = SessionKey[None]("fix")  # by finding
ENLARGE = SessionKey[None]("enlarge")
MERGE_INTO = SessionKey[str]("merge_into")
MERGE = SessionKey[None]("merge")
RENAMED = SessionKey[str]("renamed")  # the class that gets another name
RENAMED_TO = SessionKey[str | None]("renamed_to", None)
UNLISTED_LABEL = SessionKey[str | None]("unlisted_label", None)

# Retrain: settings
TRAINING_SET = SessionKey[str]("training_set")  # id of a data set, "" for what ships
ADOPTED = SessionKey[str]("adopted")  # the data set that was taken over from the Data page
TRAIN_TAXONOMY = SessionKey[str]("train_taxonomy")
SETTING = SessionKey[Any]("setting")  # by the name of the field in TrainingConfig
PRESET = SessionKey[None]("preset")
AUGMENTATION = SessionKey[str]("augmentation")
PREVIEW = SessionKey[Any]("preview")  # by distortion

# Retrain: search
SEARCH = SessionKey[None]("search")
SEARCH_WAY = SessionKey[str]("search_way")
SEARCH_HEADS = SessionKey[list[str]]("search_heads")
SEARCH_COUNT = SessionKey[int]("search_count")
SEARCH_STEPS = SessionKey[list[int]]("search_steps")
SEARCH_RATES = SessionKey[list[float]]("search_rates")
TAKE_WINNER = SessionKey[None]("take_winner")

# Runs, and the details of one
RUNS = SessionKey[Any]("runs")  # by the ids in the table
NOTE = SessionKey[str]("note")  # by run
DETAILS = SessionKey[str]("details")  # tab
USE_RUN = SessionKey[None]("use_run")  # by run
EVALUATED_ON = SessionKey[str]("evaluated_on")  # by run
CELLS = SessionKey[Any]("cells")  # of a confusion matrix
SHIPPED_CELLS = SessionKey[Any]("shipped_cells")
FORMAT = SessionKey[str]("format")  # by run
DOWNLOAD = SessionKey[None]("download")
IMPORT = SessionKey[Any]("import")  # by the times that something was imported
IMPORTS = SessionKey[int]("imports", 0)
MISSING_NETWORK = SessionKey[str]("missing_network", "")  # of what was to be imported
FETCH_NETWORK = SessionKey[bool]("fetch_network")  # by whose, and which
IMPORT_REFUSED = SessionKey[str]("import_refused", "")
DELETED_RUN = SessionKey["RunEntry | None"]("deleted_run", None)
