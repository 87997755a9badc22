"""Random changes to files: to bytes, to what is in zips, to values in JSON, to networks."""

import io
import json
import random
import struct
import warnings
import zipfile
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TELLING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\x7f\xff\xff\xff", b"\xff" * 4,
            b"\0" * 4, b"\0\0\0\x80", b"\n", b'"', b",", b";", b"\t", b"..", b"/", b"nan",
            b"1e999", b"-1", b"[]", b"{}", b"null", b"PK\3\4", "łы\ufeff".encode())  # fmt: skip


def changed(data: bytes, rng: random.Random) -> bytes:
    """``data`` with one to eight changes."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(found) + 1)
        if rng.random() < 0.4:  # where headers are
            at = min(at, rng.randrange(256))
        length = rng.choice((1, 1, 2, 4, 16, 200))
        match rng.randrange(7):
            case 0:
                found[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                found[at : at + length] = rng.choice(_TELLING)
            case 2:
                found[at:at] = rng.choice(_TELLING)
            case 3:
                del found[at : at + length]
            case 4:
                start = rng.randrange(len(found) + 1)
                found[at:at] = found[start : start + length]
            case 5:
                del found[at:]
            case 6 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
    return bytes(found)


def changed_zip(data: bytes, rng: random.Random) -> bytes:
    """A zip whose outside, members or names were changed; mostly the members."""
    if rng.random() < 0.3:
        return changed(data, rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same name twice
        members = [(info.filename, old.read(info)) for info in old.infolist()]
        chosen = rng.randrange(len(members))
        with zipfile.ZipFile(stream, "w", rng.choice((0, 8))) as new:
            for number, (name, content) in enumerate(members):
                if number == chosen:
                    change = rng.randrange(8)
                    if change == 0:
                        name = changed(name.encode(), rng).decode("utf-8", "replace")
                    elif change == 1:
                        name = rng.choice(("../x", "/x", "C:\\x", "a/" * 300, ".", "x/"))
                    elif change == 2:
                        continue
                    elif content.startswith(b"PK") and name.endswith((".npz", ".zip")):
                        content = changed_zip(content, rng)
                    elif name.endswith(".json") and rng.random() < 0.7:
                        content = changed_json(content, rng)
                    else:
                        content = changed(content, rng)
                new.writestr(name.partition("\0")[0] or "x", content)
    return stream.getvalue()


_ODD = (None, True, False, 0, -1, 0.5, 1e308, 2**64, float("nan"), float("inf"), "", "x", "\0", "1",
        "ł\n" * 300, [], {}, [[]], {"x": None}, [0, 1], "2026-01-01T00:00:00+00:00")  # fmt: skip


def changed_json(data: bytes, rng: random.Random) -> bytes:
    """JSON with one to three other values in it, odd ones or such as stand elsewhere in it."""
    whole = [json.loads(data)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(whole))
        inside, key = rng.choice(places)
        other, another = rng.choice(places)
        match rng.randrange(5):
            case 0 | 1:
                inside[key] = rng.choice(_ODD)
            case 2:
                inside[key] = json.loads(json.dumps(other[another]))
            case 3 if inside is not whole:
                del inside[key]
            case 4 if isinstance(inside, list):
                inside.append(inside[key])
            case 4:
                inside[rng.choice(("x", "", another if isinstance(another, str) else "y"))] = 0
    return json.dumps(whole[0], ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def _places(tree: Any) -> Any:
    """Every (container, key) in nested JSON."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


# What is in zips, to be changed and put together again


def unpacked(data: bytes, within: str = "") -> dict[str, bytes]:
    """The files in a zip, and in the npz in it, by their path; texts as UTF-8."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            content, path = archive.read(name), within + name
            if name.endswith(".npz"):
                found |= unpacked(content, f"{path}/")
            else:
                found[path] = _text(content) if name == "header.npy" else content
    return found


def packed(files: dict[str, bytes]) -> bytes:
    """What ``unpacked`` took apart."""
    stream = io.BytesIO()
    inner: dict[str, dict[str, bytes]] = {}
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in files.items():
            outer, nested, name = path.partition(".npz/")
            if nested:
                inner.setdefault(f"{outer}.npz", {})[name] = content
            else:
                archive.writestr(path, _array(content) if path == "header.npy" else content)
        for path, members in inner.items():
            archive.writestr(path, packed(members))
    return stream.getvalue()


def _text(array: bytes) -> bytes:
    return str(np.load(io.BytesIO(array))).encode()


def _array(text: bytes) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(text.decode(errors="replace")))
    return stream.getvalue()


# Networks

_COUNTS = (0, 1, 2, 3, 4, 5, 8, 16, 17, 32, 64, 127, 128, 129, 255, 256, 65535, 2**20, 2**28,
           2**31 - 1, -1, -2, -129, -(2**31))  # fmt: skip
_STEPS = (0.0, -1.0, 1e-30, 1e-9, 1e-3, 0.5, 1.0, 255.0, 1e6, 1e9, float("inf"), float("nan"))


def changed_network(data: bytes, rng: random.Random) -> bytes:
    """A TFLite file with other bytes in their place, or with one to four of its parts changed."""
    if rng.random() < 0.3:
        found = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 3, 10))):
            at = rng.randrange(len(found) // 4) * 4
            word = rng.choice(_COUNTS) if rng.random() < 0.7 else rng.getrandbits(32)
            found[at : at + 4] = (word & 0xFFFFFFFF).to_bytes(4, "little")
        return bytes(found)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        rng.choice((_change_operator, _change_options, _change_tensor))(model, rng)
    builder = flatbuffers.Builder(len(data))
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except (TypeError, ValueError, struct.error):  # a number that the file cannot hold
        return data
    return bytes(builder.Output())


def _change_operator(model: Any, rng: random.Random) -> None:
    """What it is, or which tensors it takes and gives."""
    (graph,) = model.subgraphs
    operator, code = rng.choice(graph.operators), rng.choice(model.operatorCodes)
    match rng.randrange(5):
        case 0:
            operator.opcodeIndex = rng.randrange(len(model.operatorCodes))
        case 1:
            code.version = rng.choice((0, 1, 2, 5, 9, 100))
        case 2:
            code.builtinCode = code.deprecatedBuiltinCode = rng.randrange(127)
        case _:
            side = rng.choice(("inputs", "outputs"))
            places = [int(place) for place in getattr(operator, side)] or [0]
            places[rng.randrange(len(places))] = rng.randrange(-1, len(graph.tensors) + 1)
            setattr(operator, side, rng.choice((places, places[:-1], [*places, places[0]])))


def _change_options(model: Any, rng: random.Random) -> None:
    options = rng.choice(model.subgraphs[0].operators).builtinOptions
    values = vars(options) if options else {}
    names = [name for name, value in values.items() if isinstance(value, int)]
    if names:
        name = rng.choice(names)
        few = name in ("padding", "fusedActivationFunction", "weightsFormat")
        setattr(options, name, rng.randrange(9) if few else rng.choice(_COUNTS))


def _change_tensor(model: Any, rng: random.Random) -> None:
    """Its shape, type, steps, or the numbers in it."""
    tensor = rng.choice(model.subgraphs[0].tensors)
    buffer, steps = model.buffers[tensor.buffer], tensor.quantization
    match rng.randrange(5):
        case 0 if len(tensor.shape):
            tensor.shape = np.array(tensor.shape)
            tensor.shape[rng.randrange(len(tensor.shape))] = rng.choice(_COUNTS)
        case 1:
            tensor.type = rng.randrange(18)
        case 2:
            tensor.buffer = rng.randrange(len(model.buffers))
        case 3 if steps is not None and steps.scale is not None:
            if rng.random() < 0.6:
                steps.scale = np.array(steps.scale)
                steps.scale[rng.randrange(len(steps.scale))] = rng.choice(_STEPS)
            else:
                steps.zeroPoint = np.array(steps.zeroPoint)
                steps.zeroPoint[rng.randrange(len(steps.zeroPoint))] = rng.choice(_COUNTS)
        case _ if buffer.data is not None and len(buffer.data) >= 4:
            buffer.data = np.array(buffer.data)
            whole = buffer.data[: len(buffer.data) // 4 * 4].view("<i4")
            whole[rng.randrange(len(whole))] = rng.choice(_COUNTS)
            if rng.random() < 0.3:
                buffer.data = buffer.data[: rng.randrange(len(buffer.data))]
