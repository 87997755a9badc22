"""The least that serves the network over HTTP, as a yardstick: FastAPI, Pillow, LiteRT.

It decodes a picture, cuts out two views without looking for an object, runs the network on both on
as many threads as there are cores, and answers with the largest channel of the last stage.
"""

import asyncio
import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from fastapi import FastAPI, Request
from PIL import Image

from decor_core.features.backbones import load_backbone
from decor_core.images.views import VIEWS, cut

app = FastAPI()
_backbone = load_backbone()
_threads = ThreadPoolExecutor(os.cpu_count())


def _look(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as picture:
        side = min(picture.size)
        square = picture.convert("RGB").crop((0, 0, side, side))
    pixels = [np.asarray(cut(square, view, _backbone.spec.side)) for view in VIEWS[:2]]
    return int(_backbone.stage_maps(np.stack(pixels))[-1].mean(axis=(0, 1, 2)).argmax())


@app.get("/health")
def health() -> str:
    return "ok"


@app.post("/classify")
async def classify(request: Request) -> int:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _look, await request.body())
