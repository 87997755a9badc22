"""Requests and answers of the API, as its OpenAPI description shows them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
MAX_EVIDENCE = 20


class ModelOptions(BaseModel):
    """Which model is asked."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model: str | None = Field(
        default=None, description="A name of /v1/models; by default the first."
    )


class ClassifyOptions(ModelOptions):
    """Which model is asked, and what of its answer is wanted."""

    taxonomy: str | None = Field(
        default=None, description="Labels to tell, e.g. style or country; by default the finest."
    )
    top: int = Field(default=5, ge=1, le=10_000, description="Labels to list of each picture.")
    evidence: bool = Field(
        default=False,
        description="Also a PNG of each picture that shows what speaks for its likeliest label "
        f"(orange) and against it (violet); for {MAX_EVIDENCE} pictures a request at most.",
    )


class EmbedOptions(ModelOptions):
    """Which model's vectors are wanted, and how."""

    encoding: Literal["list", "base64"] = Field(
        default="list",
        description="Vectors as lists of numbers, or little-endian float32 in base64.",
    )


class JsonPicture(BaseModel):
    """A picture in a JSON body."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64")

    file: str | None = Field(default=None, max_length=1000, description="Its name, for the answer.")
    data: bytes = Field(description="The file in base64.")


class JsonPictures(BaseModel):
    """The body of a request in JSON."""

    model_config = ConfigDict(extra="forbid")

    pictures: list[JsonPicture] = Field(min_length=1)


class LabelScore(BaseModel):
    """A label and its probability."""

    label: str
    probability: Probability


class ClassifiedPicture(BaseModel):
    """What a picture is taken for."""

    file: str | None = Field(description="The name it came with.")
    decision: Literal["confident", "ambiguous", "undecided", "unknown"] = Field(
        description="How sure that is: one label, two (or one and none of the known), more, or "
        "none of the known labels."
    )
    labels: list[str] = Field(description="The labels that the decision is between.")
    label: str = Field(description="The likeliest label.")
    probability: Probability = Field(description="Its calibrated probability.")
    unknown: bool = Field(description="Whether the picture is none of the known labels.")
    novelty: Probability = Field(description="How unlike the training pictures it is.")
    scores: list[LabelScore] = Field(description="The likeliest labels, best first.")
    colors: str = Field(description="Its colors in words.")
    notes: list[str] = Field(description="What was left out of the file or assumed for it.")
    evidence: str | None = Field(
        default=None, description="A PNG in base64, where it was asked for."
    )


class UnreadablePicture(BaseModel):
    """A file among others that cannot be classified."""

    file: str | None
    error: str = Field(description="Why, in one sentence.")


class Classification(BaseModel):
    """The answer for each picture, in the order in which they came."""

    model: str
    taxonomy: str
    pictures: list[ClassifiedPicture | UnreadablePicture]


class EmbeddedPicture(BaseModel):
    """The vector of a picture."""

    file: str | None = Field(description="The name it came with.")
    vector: list[float] | str = Field(description="As encoding says.")
    notes: list[str] = Field(description="What was left out of the file or assumed for it.")


class Embedding(BaseModel):
    """The vector of each picture, in the order in which they came."""

    model: str
    dimensions: int
    encoding: Literal["list", "base64"]
    pictures: list[EmbeddedPicture | UnreadablePicture]


class TaxonomyLevel(BaseModel):
    """Labels that can be told."""

    name: str
    labels: list[str]


class ModelDescription(BaseModel):
    """A model that can be asked."""

    name: str
    title: str
    created: str = Field(description="When it was trained, ISO 8601.")
    taxonomies: list[TaxonomyLevel] = Field(description="Finest first.")
    tells_unknown: bool = Field(description="Whether it can say that a picture is unknown.")
    dimensions: int = Field(description="Numbers in the vector of a picture.")


class ModelList(BaseModel):
    """All models that can be asked; the first is the default."""

    models: list[ModelDescription]


class Health(BaseModel):
    """That the server lives."""

    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """That pictures are answered at once."""

    status: Literal["ready"] = "ready"
