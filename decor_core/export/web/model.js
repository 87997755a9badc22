// A model of Decor: picture → vector → probabilities of every label, and novelty.
//
// As features/embedder.py, model/novelty.py and model/predictor.py of Decor. The network runs on
// LiteRT.js, everything else here; model.json says where in model.bin each array is.

import { histogram, lab } from "./color.js";
import { Tensor, loadAndCompile, loadLiteRt } from "./litert/index.js";
import { picture, reduce, resize } from "./pillow.js";
import { VIEWS, cut, regionSquare } from "./views.js";

const FLOOR = 0.02; // of weight, for places outside of the object
const COLOR_SIDE = 48;
const RUNTIME = "litert_wasm_compat_internal"; // the one that every browser can run

/** The model that lies beside this page; `onLoad` is told how many bytes of all are here. */
export async function loadModel(onLoad = () => {}) {
  const about = await (await get("model.json")).json();
  const files = ["model.bin", "network.tflite", `litert/${RUNTIME}.wasm`];
  let loaded = 0;
  const [numbers, network, wasmBinary] = await Promise.all(files.map((file) =>
    fetchBytes(file, (bytes) => onLoad((loaded += bytes), about.bytes))));
  globalThis.Module = { wasmBinary }; // where LiteRT.js looks before it fetches it itself
  await loadLiteRt(`litert/${RUNTIME}.js`);
  const runner = await loadAndCompile(network, { accelerator: "wasm" });
  const array = ([start, length]) => new Float32Array(numbers.buffer, 4 * start, length);
  const novelty = about.novelty && {
    ...about.novelty, blocks: about.novelty.blocks.map((block) => arrays(block, array)),
  };
  return { ...about, runner, head: arrays(about.head, array), novelty };
}

/** `values` with what is an array in the file in its place. */
function arrays(values, array) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) =>
    [name, Array.isArray(value) ? array(value) : value]));
}

async function get(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} is missing beside this page (${response.status}).`);
  return response;
}

async function fetchBytes(file, onBytes) {
  const parts = [];
  for (const reader = (await get(file)).body.getReader();;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    onBytes(value.length);
  }
}

/** What an RGB picture is taken for: { probabilities, novelty }, in the order of the labels. */
export async function predict(model, source) {
  const vector = await embed(model, source);
  const known = softmax(linear(vector, model.head));
  const novelty = model.novelty ? noveltyScore(vector, model.novelty) : 0;
  return { probabilities: discountByNovelty(known, novelty, model.maxDiscount), novelty };
}

/** The vector of an RGB picture: the stages of the network, then the colors. */
export async function embed(model, source) {
  const { square, mask } = regionSquare(source, model.region);
  const { side, mapSide } = model.network;
  let pooled = null;
  for (const view of VIEWS.slice(0, model.views)) {
    const stages = await stageMaps(model, cut(square, view, side));
    const weights = cut(mask, view, mapSide);
    const values = stages.flatMap((stage) => pool(stage, shares(weights, stage.shape)));
    pooled = pooled ? pooled.map((sum, i) => sum + values[i]) : values;
  }
  const means = pooled.map((sum) => sum / model.views);
  const colors = histogram(lab(nearest(square).data), nearest(mask).data);
  return Float32Array.from([...means, ...colors.map(Math.sqrt)]);
}

/** The network's maps, { shape: [height, width, channels], values }, first stage first. */
async function stageMaps({ runner, network }, { width, height, data }) {
  const scaled = Float32Array.from(data, (level) => (level - network.mean) / network.scale);
  const input = new Tensor(scaled, [1, height, width, 3]);
  const outputs = await runner.run([input]);
  const stages = outputs.map((output) => {
    const [, ...shape] = output.type.layout.dimensions;
    return { shape, values: output.toTypedArray() };
  });
  [input, ...outputs].forEach((tensor) => tensor.delete());
  return stages.sort((a, b) => b.shape[0] - a.shape[0] || a.shape[2] - b.shape[2]);
}

/** COLOR_SIDE by COLOR_SIDE of the pixels of a square, evenly spread. */
function nearest(square) {
  const { bands } = square;
  const result = picture(COLOR_SIDE, COLOR_SIDE, bands);
  const place = (i) => Math.floor(((2 * i + 1) * square.width) / (2 * COLOR_SIDE));
  for (let y = 0; y < COLOR_SIDE; y++)
    for (let x = 0; x < COLOR_SIDE; x++) {
      const start = (place(y) * square.width + place(x)) * bands;
      const pixel = square.data.subarray(start, start + bands);
      result.data.set(pixel, (y * COLOR_SIDE + x) * bands);
    }
  return result;
}

/** How much each place of a map counts. */
function shares(mask, [height, width]) {
  const factor = Math.floor(mask.height / height);
  const isWhole = width * factor === mask.width && height * factor === mask.height;
  const small = isWhole ? reduce(mask, factor) : resize(mask, [width, height], "box");
  const weights = Array.from(small.data, (level) => level + 255 * FLOOR);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Mean and deviation of each channel of a map, each of both scaled to length 1. */
function pool({ shape: [, , channels], values }, shares) {
  const means = new Float64Array(channels), squares = new Float64Array(channels);
  shares.forEach((share, place) => {
    for (let channel = 0; channel < channels; channel++) {
      const value = values[place * channels + channel];
      means[channel] += share * value;
      squares[channel] += share * value * value;
    }
  });
  const deviations = squares.map((square, i) => Math.sqrt(Math.max(square - means[i] ** 2, 0)));
  return [...unit(means), ...unit(deviations)];
}

function unit(vector) {
  const length = Math.max(Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0)), 1e-9);
  return vector.map((x) => x / length);
}

/** Products of a vector with the columns of a matrix of `count` columns. */
function product(vector, matrix, count) {
  const sums = new Float64Array(count);
  for (let i = 0; i < vector.length; i++)
    for (let column = 0; column < count; column++)
      sums[column] += vector[i] * matrix[i * count + column];
  return sums;
}

function linear(vector, { weights, bias }) {
  return product(vector, weights, bias.length).map((sum, i) => sum + bias[i]);
}

function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** Novelty.scores of Decor, of one vector. */
function noveltyScore(vector, known) {
  const totals = new Float64Array(known.classes);
  for (const block of known.blocks) {
    const logs = logDistances(vector.subarray(block.start, block.stop), block, known.least);
    const least = Math.min(...logs);
    const near = logs.map((log) => Math.exp(known.sharpness * (least - log)));
    const total = near.reduce((a, b) => a + b, 0);
    logs.forEach((log, i) => {
      totals[i] += log - known.disagreement * Math.log(Math.max(near[i] / total, 1e-30));
    });
  }
  const distance = Math.min(...totals) / known.blocks.length;
  const beyond = (distance - known.limit) / (known.limit - known.median);
  return 1 / (1 + Math.exp(-known.steepness * Math.min(Math.max(beyond, -10), 10)));
}

/** BlockDistributions.log_distances of Decor, of one vector from each class. */
function logDistances(vector, block, least) {
  const d = vector.length, axes = block.gains.length;
  const centered = Float64Array.from(vector, (x, i) => x - block.center[i]);
  const along = product(centered, block.axes, axes);
  const length = centered.reduce((sum, x) => sum + x * x, 0);
  const gained = along.reduce((sum, x, axis) => sum + x * x * block.gains[axis], 0);
  return Array.from(block.squares, (offset, i) => {
    let square = length + offset, gain = gained + block.gained[i];
    for (let j = 0; j < d; j++) square -= 2 * centered[j] * block.means[i * d + j];
    for (let axis = 0; axis < axes; axis++)
      gain -= 2 * along[axis] * block.gains[axis] * block.along[i * axes + axis];
    square = Math.max(square, 0);
    const log = Math.log(Math.max((square / block.residual + gain) / d, least));
    if (!block.mean) return log;
    return (log + Math.log(Math.max(square / d / block.mean, least))) / 2;
  });
}

/** `discount_by_novelty` of Decor: probabilities moved towards uniform. */
function discountByNovelty(probabilities, novelty, maxDiscount) {
  const n = probabilities.length;
  const discount = (Math.min(novelty, maxDiscount) * n) / Math.max(n - 1, 1);
  return probabilities.map((probability) => probability - discount * (probability - 1 / n));
}

/** Probabilities of the labels of `levels[number]`: those that belong together are summed. */
export function rollUp(probabilities, levels, number) {
  for (let i = 0; i < number; i++) {
    const sums = Array(levels[i + 1].labels.length).fill(0);
    levels[i].parents.forEach((parent, label) => (sums[parent] += probabilities[label]));
    probabilities = sums;
  }
  return probabilities;
}
