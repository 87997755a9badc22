// Where in a picture the decorated object is, and how much each of its pixels says about it.
//
// As images/localize.py of Decor, step by step; its comments say why. Tests hold the two together.

import { RANGES, lab } from "./color.js";
import {
  clamp, contain, crop, gaussianBlur, histograms, means, medians, picture, reduce, resize, round,
  ycbcr,
} from "./pillow.js";

const SIDE = 176;
const TRIMMING_SIDE = 256;
const TOLERANCE = [18, 8, 8];
const UNIFORM = 0.97;
const LAYERS = 2;
const SEAM = 2;
const MIN_LEFT = 0.02;
const LIKE_GROUND = 10, NOTICEABLE = 6, SOFTNESS = 12;
const PLAIN_RING = 0.35;
const MIN_WEIGHT = 0.03;
const LIGHT = 65, PALE = 25;
const SPREAD_OUT = 0.8, TAIL = 0.03, MIN_BULK = 0.15;
const STRIP = 0.08, CENTER = 0.5, BLUR = 0.02;
const BINS = [6, 12, 12];
const BARE = 3;

/** { box, seen, weights, ground, white } of an RGB picture: see DecorObject of Decor. */
export function findObject(source) {
  const small = atMost(TRIMMING_SIDE, source);
  const { inner, around } = trim(small);
  let box = placed(inner, small, [0, 0, source.width, source.height]);
  let seen = crop(small, inner);
  seen = atMost(SIDE, Math.max(seen.width, seen.height) >= SIDE ? seen : crop(source, box));
  const { width, height } = seen;
  const colors = lab(seen.data);
  let weights = differenceFromGround(colors, width, height);
  const isPlain = weights !== null;
  let size = { width, height };
  if (!isPlain) {
    weights = backProjection(colors, width, height);
    const [left, upper, right, lower] = bulk(weights, width, height);
    if (left || upper || right !== width || lower !== height) {
      box = placed([left, upper, right, lower], seen, box);
      weights = part(weights, width, [left, upper, right, lower]);
      size = { width: right - left, height: lower - upper };
      seen = atMost(SIDE, crop(source, box));
    }
  }
  if (mean(weights) < MIN_WEIGHT) weights = weights.map(() => 1);
  const levels = Uint8Array.from(weights, (weight) => Math.trunc(Math.fround(weight * 255)));
  let mask = picture(size.width, size.height, 1, levels);
  if (mask.width !== seen.width || mask.height !== seen.height)
    mask = resize(mask, [seen.width, seen.height], "bilinear");
  const bare = histograms(seen, (index) => mask.data[index] < BARE);
  const enough = bare[0].reduce((a, b) => a + b, 0) > 20;
  const ground = enough ? medians(bare) : means(histograms(seen)).map(Math.trunc);
  let white = null;
  if (isPlain) white = probablyWhite(ground);
  else if (around) white = probablyWhite(colorBetween(small, ...around));
  return { box, seen, weights: mask, ground, white };
}

/** The picture, or a smaller one whose long side is `side`. */
export function atMost(side, source) {
  const longest = Math.max(source.width, source.height);
  return longest <= side ? source : contain(reduce(source, Math.floor(longest / side)), side);
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** Where the `inner` part of a picture lies that shows what is in `box`. */
function placed(inner, { width, height }, [x, y, right, lower]) {
  const sizes = [width, height, width, height];
  const spans = [right - x, lower - y, right - x, lower - y];
  return inner.map((edge, i) => round((i % 2 ? y : x) + (edge / sizes[i]) * spans[i]));
}

function probablyWhite(color) {
  const [lightness, a, b] = lab(Uint8Array.from(color));
  return lightness > LIGHT && Math.hypot(a, b) < PALE ? color : null;
}

/** The box without uniform lines along its border, and the boxes around the innermost of these. */
function trim(source) {
  const whole = [0, 0, source.width, source.height];
  const planes = ycbcr(source);
  let box = [...whole];
  let around = null;
  for (let layer = 0; layer < LAYERS; layer++) {
    const before = [...box];
    box[1] += uniformLines(planes, box, false, false);
    box[3] -= uniformLines(planes, box, false, true);
    box[0] += uniformLines(planes, box, true, false);
    box[2] -= uniformLines(planes, box, true, true);
    const width = box[2] - box[0], height = box[3] - box[1];
    const least = MIN_LEFT * source.width * source.height;
    if (Math.min(width, height) < 4 || width * height < least)
      return { inner: whole, around: null };
    if (before.every((edge, i) => edge === box[i])) break;
    around = [before, [...box]];
  }
  return { inner: box, around };
}

/** How many lines to trim: the uniform first ones, or last where `backwards`, and a seam. */
function uniformLines({ width, data }, [left, upper, right, lower], isColumns, backwards) {
  const lines = isColumns ? right - left : lower - upper;
  const length = isColumns ? lower - upper : right - left;
  if (lines <= 0 || length <= 0) return 0;
  const place = (line, i) => {
    const number = backwards ? lines - 1 - line : line;
    return 3 * (isColumns ? (upper + i) * width + left + number : (upper + number) * width + left + i);
  };
  const bounds = TOLERANCE.map((tolerance, channel) => {
    const color = median(Array.from({ length }, (_, i) => data[place(0, i) + channel]));
    return [
      Math.max(Math.ceil(color - tolerance), 0), Math.trunc(Math.min(color + tolerance, 255)),
    ];
  });
  let count = 0;
  for (; count < lines; count++) {
    let alike = 0;
    for (let i = 0; i < length; i++) {
      const start = place(count, i);
      alike += bounds.every(([low, high], channel) =>
        data[start + channel] >= low && data[start + channel] <= high);
    }
    if (alike < UNIFORM * length) break;
  }
  return count ? Math.min(count + SEAM, lines) : 0;
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** The median color of what lies in `outer` but not in `inner`. */
function colorBetween(source, outer, inner) {
  const isIn = ([left, upper, right, lower], x, y) =>
    x >= left && x < right && y >= upper && y < lower;
  return medians(histograms(source, (index) => {
    const x = index % source.width, y = Math.floor(index / source.width);
    return isIn(outer, x, y) && !isIn(inner, x, y);
  }));
}

/** The pixels of the outermost `width` on each side, by number; corners of thin pictures twice. */
function border(columns, rows, width) {
  const found = [];
  const add = (top, bottom, left, right) => {
    for (let y = Math.max(top, 0); y < Math.min(bottom, rows); y++)
      for (let x = Math.max(left, 0); x < Math.min(right, columns); x++)
        found.push(y * columns + x);
  };
  add(0, width, 0, columns);
  add(rows - width, rows, 0, columns);
  add(width, rows - width, 0, width);
  add(width, rows - width, columns - width, columns);
  return found;
}

/** Weight 0 to 1 of each color by its distance from a plain ground; null without. */
function differenceFromGround(colors, width, height) {
  const edge = border(width, height, 2);
  const ground = [0, 1, 2].map((channel) =>
    Math.fround(median(edge.map((index) => colors[3 * index + channel]))));
  const distances = new Float32Array(width * height).map((_, index) => {
    const offsets = ground.map((value, channel) => Math.fround(colors[3 * index + channel] - value));
    return Math.sqrt(Math.fround(offsets.reduce((sum, offset) => sum + offset * offset, 0)));
  });
  const near = edge.filter((index) => distances[index] < LIKE_GROUND).length;
  if (near / edge.length < PLAIN_RING) return null;
  return distances.map((distance) => clamp(Math.fround(distance - NOTICEABLE) / SOFTNESS, 0, 1));
}

/** The box that holds the bulk of the weights, or all of it where they are spread out. */
function bulk(weights, width, height) {
  const whole = [0, 0, width, height];
  const columns = new Float64Array(width), rows = new Float64Array(height);
  let total = 0;
  weights.forEach((weight, index) => {
    const heavy = Math.max(Math.fround(weight - 0.35), 0);
    columns[index % width] += heavy;
    rows[Math.floor(index / width)] += heavy;
    total += heavy;
  });
  if (mean(weights) >= SPREAD_OUT || total < 1) return whole;
  const reaching = (sums, share) => {
    let reached = 0;
    const place = sums.findIndex((sum) => (reached += sum) / total >= share);
    return place < 0 ? sums.length : place;
  };
  const [left, right] = [TAIL, 1 - TAIL].map((share) => reaching(columns, share));
  const [upper, lower] = [TAIL, 1 - TAIL].map((share) => reaching(rows, share));
  const area = (right + 1 - left) * (lower + 1 - upper);
  return area < MIN_BULK * width * height ? whole : [left, upper, right + 1, lower + 1];
}

function part(values, width, [left, upper, right, lower]) {
  const rows = [];
  for (let y = upper; y < lower; y++) rows.push(values.subarray(y * width + left, y * width + right));
  const result = new Float32Array((right - left) * (lower - upper));
  rows.forEach((row, number) => result.set(row, number * (right - left)));
  return result;
}

/** Weight 0 to 1 by the share of the center in center and border, for each color. */
function backProjection(colors, width, height) {
  const bins = new Uint16Array(width * height).map((_, index) =>
    BINS.reduce((bin, count, channel) => {
      const [low, high] = RANGES[channel];
      const place = Math.fround(colors[3 * index + channel] - low)
        * Math.fround(count / (high - low));
      return bin * count + Math.trunc(clamp(Math.fround(place), 0, count - 1));
    }, 0));
  const strip = Math.max(2, round(STRIP * Math.min(height, width)));
  const squares = (n) => Float64Array.from({ length: n }, (_, i) => {
    const position = n > 1 && i === n - 1 ? 1 : -1 + i * (2 / Math.max(n - 1, 1));
    return position * position;
  });
  const down = squares(height), across = squares(width);
  const center = bins.filter((_, index) =>
    down[Math.floor(index / width)] + across[index % width] < CENTER);
  const inside = smoothHistogram(center);
  const outside = smoothHistogram(border(width, height, strip).map((index) => bins[index]));
  const levels = inside.map((share, bin) => Math.trunc((share / (share + outside[bin] + 1e-9)) * 255));
  const shares = picture(width, height, 1, Uint8Array.from(bins, (bin) => levels[bin]));
  const radius = Math.max(1, round(BLUR * Math.min(height, width)));
  const blurred = gaussianBlur(shares, radius).data;
  const weights = Float32Array.from(blurred, (level) =>
    clamp(Math.fround(Math.fround(level / 255) - 0.25) / Math.fround(0.4), 0, 1));
  return mean(weights) >= 0.05 ? weights : weights.map(() => 1);
}

function smoothHistogram(bins) {
  const counts = new Float64Array(BINS[0] * BINS[1] * BINS[2]);
  for (const bin of bins) counts[bin] += 1 / Math.max(bins.length, 1);
  const steps = [BINS[1] * BINS[2], BINS[2], 1];
  return counts.map((count, bin) => {
    let sum = 2 * count;
    steps.forEach((step, axis) => {
      const place = Math.floor(bin / step) % BINS[axis];
      if (place > 0) sum += counts[bin - step];
      if (place < BINS[axis] - 1) sum += counts[bin + step];
    });
    return sum / 8;
  });
}
