"""Damaged and hostile files against everything that reads what people bring.

    python benchmarks/fuzz.py [picture] [table] [set] [model] [run] [vectors] [network]
                              [--minutes 10] [--seed 0] [--keep FOLDER]

Files of our own making are changed at random, on the outside and on the inside of zips, and read.
A reader may take a file or refuse it with a DecorError; anything else, more than SLOW seconds or
LARGE megabytes are findings, written to FOLDER with the seed that makes them again. A network may
bring down the process: FOLDER/last names the file that was read then.
"""

import argparse
import io
import json
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

from benchmarks.changes import changed, changed_network, changed_zip
from decor_core.data.catalog import find_layout, open_dataset
from decor_core.data.tables.columns import guess_columns
from decor_core.data.tables.table import read_table
from decor_core.data.tables.table_listing import list_tables
from decor_core.errors import DecorError
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.backbones import load_backbone
from decor_core.features.embedder import Block, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import OwnNetwork
from decor_core.features.stage_maps import with_stage_maps
from decor_core.images.decode import load_picture
from decor_core.model.bundle import BUNDLE_FILES, Bundle
from decor_core.model.evaluation import evaluate
from decor_core.model.events import TrainEvent
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty import Novelty
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.comparison import compare
from decor_core.runs.import_run import import_run
from decor_core.runs.run import PREDICTION_COLUMNS, Run, load_run, write_run
from decor_core.runs.store import DiskRuns
from decor_core.shipped import MODELS
from decor_core.taxonomy import Taxonomy
from tests.tiny_network import add_all_operators, tiny_network

SLOW, LARGE = 5.0, 1000.0  # of 64 million pixels, in color, a few copies


def _ornament(number: int, side: int = 40) -> Image.Image:
    cells = np.random.default_rng(number).random((8, 8, 3)) * 255
    return Image.fromarray(cells.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def picture_seeds() -> list[bytes]:
    register_heif_opener()
    picture = _ornament(1)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [_ornament(number) for number in range(3)]
    gray = np.arange(1600).reshape(40, 40)
    plain = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF")
    moving = ("GIF", "WEBP", "PNG", "TIFF", "MPO")
    return [
        *(_encoded(picture, kind) for kind in plain),
        *(
            _encoded(f, kind, save_all=True, append_images=frames)
            for kind in moving
            for f in frames
        ),
        *(_encoded(picture, "TIFF", compression=name) for name in ("raw", "tiff_lzw", "jpeg")),
        _encoded(picture.convert("1"), "TIFF", compression="group4"),
        _encoded(picture, "JPEG", icc_profile=profile, exif=exif, progressive=True),
        _encoded(picture.convert("CMYK"), "JPEG"),
        _encoded(picture, "PNG", icc_profile=profile, exif=exif),
        _encoded(picture.convert("P"), "PNG", transparency=3),
        _encoded(picture.convert("RGBA"), "WEBP", lossless=True),
        _encoded(Image.fromarray(gray.astype(np.uint16)), "PNG"),
        _encoded(Image.fromarray(gray.astype(np.float32)), "TIFF"),
    ]


def table_seeds() -> list[bytes]:
    rows = "file,decor,country,type\na.png,Gzhel,Russia,product\nb.png,Iznik,Turkey,pattern\n"
    quoted = 'name;"Stil";note\n"a.png";"Łowicz ""x""";\n"b.png";Гжель;"two\nlines"\n'
    return [rows.encode(), ("\ufeff" + quoted).encode(), quoted.encode("utf-16"),
            rows.replace(",", "\t").encode("cp1251"), b"image,label\r\na,1\r\nb,2\r\n",
            b"a.png,ash oak\nb.png,['oak']\n01.png,nan\n", b"id,A,B,C\n1,1,0,0\n2,0,1,0\na,0,0,1\n",
            b'{"file_name": "a.png", "label": ["x"]}\n{"file_name": "b.png", "label": null}\n',
            b"country,decor,type,country_label,decor_label,type_label,file\n"
            b"Russia,Gzhel,product,4,2,1,01.png\nPoland,Wzory,pattern,1,6,2,02.png\n"]  # fmt: skip


def set_seeds() -> list[bytes]:
    pictures = {f"{label}/{i}.png": _encoded(_ornament(10 * j + i, 24), "PNG")
                for j, label in enumerate(("Gzhel", "Iznik")) for i in range(3)}  # fmt: skip
    flat = {name.replace("/", "-"): content for name, content in pictures.items()}
    rows = "".join(f"{name},{name.partition('-')[0]}\n" for name in flat)
    inner = {"inner.zip": _zipped(pictures), "list.csv": b"file,label\n0.png,x\n"}
    listed = {**flat, "list.csv": b"file,label\n" + rows.encode()}
    wrapped = {f"top/{name}": content for name, content in pictures.items()}
    return [_zipped(members) for members in (pictures, listed, inner, wrapped)]


def small_run(title: str = "Small") -> Run:
    """A run with all there may be in one, of a model of three labels and six columns."""
    taxonomy = Taxonomy.from_pairs("style", "country", {"ash": "A", "oak": "A", "elm": "B"})
    answers = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    truth = np.arange(12) % 3
    judged = evaluate(answers, truth, taxonomy.labels)
    axes = np.eye(4, 2, dtype=np.float32)
    one = np.ones(1, np.float32)
    known = Novelty((slice(1, 5),), axes[None, :, 0], axes, axes[:1] + 1, one, one, limit=2.0)
    config = TrainingConfig("softmax", steps=2)
    training = asdict(config) | {
        "data": "Small", "pictures": 12, "training_pictures": 12, "corrections": 1, "steps_done": 2,
        "pictures_per_class": {"ash": 4, "oak": 4, "elm": 4},
        "choice": {"head": "softmax", "blocks": "all blocks", "reason": "Chosen."},
        "material": TrainingData(title="Small", version="3f2a91", taught=1).to_json(),
    }  # fmt: skip
    head = LinearHead(np.eye(6, 3, dtype=np.float32), np.zeros(3, np.float32))
    bundle = Bundle(title, taxonomy, EmbeddingSpec(), "0" * 16, head, training, judged,
                    {"style": judged}, novelty=known)  # fmt: skip
    rows = zip(map(str, truth), "abcdefghijkl", "abc" * 4, "cba" * 4, np.ones(12), strict=True)
    events = (TrainEvent(1, 0.5, 1.0, None, None, 0.1), TrainEvent(2, 0.75, 0.5, 0.5, 1.0, 0.2))
    table = pd.DataFrame(rows, columns=list(PREDICTION_COLUMNS))
    return Run("small", bundle, config, "Small", table, events, 0.3, "A note.")


def _files(run: Run) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_run(run, Path(folder))
        return {p.relative_to(folder).as_posix(): p.read_bytes()
                for p in sorted(Path(folder).rglob("*")) if p.is_file()}  # fmt: skip


def model_seeds() -> list[bytes]:
    files = _files(small_run())
    model = {name: files[f"model/{name}"] for name in BUNDLE_FILES}
    return [_zipped(model), _zipped({f"decor/{name}": content for name, content in model.items()})]


def run_seeds() -> list[bytes]:
    return [_zipped(_files(small_run()))]


def vectors_seeds() -> list[bytes]:
    table = pd.DataFrame({"file": ["a", "b"], "key": ["0", "1"], "group": ["0", "1"],
                          "style": ["ash", "elm"], "country": ["A", "B"],
                          "type": "product"})  # fmt: skip
    rows = np.zeros((2, 6), np.float32)
    blocks = Block("stage 1", 0, 4), Block("colours", 4, 6)
    few = Embeddings(EmbeddingSpec(), "0" * 16, blocks, small_run().bundle.taxonomy, table, rows,
                     rows[:, None])  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        few.save(Path(folder, "few.npz"))
        return [Path(folder, "few.npz").read_bytes()]


def read_one_picture(data: bytes, folder: Path) -> None:
    load_picture(data)
    load_picture(data, max_side=16)


def read_one_table(data: bytes, folder: Path) -> None:
    names = ("a.png", "b.png", "01.png", "02.png")
    guess_columns(read_table(data, names), names)
    list_tables({"": data}, names)


def read_one_set(data: bytes, folder: Path) -> None:
    place = folder / "set.zip"
    place.write_bytes(data)
    find_layout(place)
    open_dataset(place)


def _look(bundle: Bundle) -> np.ndarray:
    """In place of the network, which would take most of the time."""
    return np.zeros(len(bundle.head.weights), np.float32)


def read_one_model(data: bytes, folder: Path) -> None:
    """What was let in must do for all that is done with models."""
    run = import_run(data, _look)
    TrainingData.of(run.bundle)
    compare([run, small_run()])
    for judged in (run.evaluation, *run.cross_validation.values()):
        if judged:
            json.dumps(judged.to_json(), allow_nan=False)
    DiskRuns(folder / "runs").save(run)
    again = DiskRuns(folder / "runs").get(run.id)
    if (again.title, again.settings) != (run.title, run.settings):
        raise ValueError("it was kept otherwise")


def read_one_run(data: bytes, folder: Path) -> None:
    place = folder / "runs" / "one"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(place)
    except Exception:
        return  # the zip is ours, only what is in it is asked about
    runs = DiskRuns(folder / "runs")
    runs.save(small_run())
    if "small" not in {run.id for run in runs.list()}:
        raise ValueError("a damaged run hides others")
    compare([small_run(), load_run(place)])


def read_vectors(data: bytes, folder: Path) -> None:
    (folder / "few.npz").write_bytes(data)
    Embeddings.load(folder / "few.npz")


def network_seeds() -> list[bytes]:
    """Small ones, with all operators that there may be; that of eight bits is the shipped one."""
    small = [tiny_network(), *(tiny_network(add_all_operators) for _ in range(4))]
    return [*small, (MODELS / "backbone" / f"{DEFAULT}.tflite").read_bytes()]


def read_network(data: bytes, folder: Path) -> None:
    """As a model's own, then as a file whose stages are looked for: pictures by one and by two."""
    _look_with(data)
    _look_with(with_stage_maps(data))


def _look_with(content: bytes) -> None:
    side, mean, scale = (32, 127.5, 127.5) if len(content) < 2**20 else (224, 127.0, 128.0)
    network = OwnNetwork(content, side, mean, scale, "Changed")
    backbone = load_backbone(network.name)
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    together = backbone.stage_maps(pixels)
    for maps, alone, shape in zip(
        together, backbone.stage_maps(pixels[:1]), backbone.shapes, strict=True
    ):
        if alone.shape != (1, *shape) or maps.shape != (2, *shape):
            raise ValueError(f"maps of {maps.shape} instead of {shape}")
        if not np.array_equal(maps[:1], alone, equal_nan=True):
            raise ValueError("a picture alone gives other maps than among others")


TARGETS: dict[str, tuple[Callable[[], list[bytes]], Callable, Callable[[bytes, Path], None]]] = {
    "picture": (picture_seeds, changed, read_one_picture),
    "table": (table_seeds, changed, read_one_table),
    "set": (set_seeds, changed_zip, read_one_set),
    "model": (model_seeds, changed_zip, read_one_model),
    "run": (run_seeds, changed_zip, read_one_run),
    "vectors": (vectors_seeds, changed_zip, read_vectors),
    "network": (network_seeds, changed_network, read_network),
}


def attempt(target: str, seeds: Sequence[bytes], seed: int) -> tuple[bytes, str]:
    """One changed file, and what is wrong with how it was read; "" if nothing."""
    rng = random.Random(seed)
    _, change, read = TARGETS[target]
    data = change(rng.choice(seeds), rng)
    before, started = _peak(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="decor-fuzz-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(data, Path(folder))
        except DecorError as error:
            if not str(error).strip() or folder in str(error) and target in ("model", "set"):
                return data, f"DecorError that says nothing, or too much: {error}"
        except Exception:
            return data, traceback.format_exc()
    seconds, grown = time.process_time() - started, _peak() - before
    if seconds > SLOW:
        return data, f"took {seconds:.1f} s"
    if grown > LARGE:
        return data, f"took {grown:.0f} MB"
    return data, ""


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    seeds = {target: TARGETS[target][0]() for target in targets}
    tried, found, known = Counter(), Counter(), set()
    end, seed = time.monotonic() + 60 * options.minutes, options.seed
    while time.monotonic() < end:
        for target in targets:
            for _ in range(1 if target in ("model", "run", "set") else 10):
                if target == "network":
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / "last").write_text(f"{target} {seed}")
                data, wrong = attempt(target, seeds[target], seed)
                tried[target] += 1
                if wrong:
                    found[target] += 1
                    kind = (target, wrong.strip().splitlines()[-1][:60])
                    if kind not in known:
                        known.add(kind)
                        options.keep.mkdir(parents=True, exist_ok=True)
                        (options.keep / f"{target}-{seed}").write_bytes(data)
                        print(f"{target} {seed}: {wrong}", flush=True)
                seed += 1
    print(json.dumps({"tried": tried, "findings": found, "next_seed": seed}))


if __name__ == "__main__":
    main()
