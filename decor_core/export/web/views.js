// What is read of a picture on a square, and the views of it that the network sees.
//
// As images/views.py of Decor.

import { atMost, findObject } from "./localize.js";
import { histograms, means, mirror, picture, resize, round } from "./pillow.js";

export const WORKING_SIDE = 512;
const FRAME_SIDE = 320;
// Relative box (left, upper, right, lower) of the square around what is read, and whether mirrored.
export const VIEWS = [
  [0, 0, 1, 1, false],
  [0.19, 0.19, 0.81, 0.81, false],
  [0, 0, 0.62, 0.62, false],
  [0.38, 0, 1, 0.62, true],
  [0, 0.38, 0.62, 1, true],
  [0.38, 0.38, 1, 1, false],
];

/** { square, mask } of a picture: what is read of it, and how much each pixel counts. */
export function regionSquare(source, region) {
  return region === "object" ? objectSquare(source) : frameSquare(source);
}

function frameSquare(source) {
  const seen = atMost(FRAME_SIDE, source);
  const everywhere = picture(seen.width, seen.height, 1);
  everywhere.data.fill(255);
  const ground = means(histograms(seen)).map(Math.trunc);
  return { square: squared(seen, ground), mask: squared(everywhere, [0]) };
}

function objectSquare(source) {
  const { seen, weights, ground, white } = findObject(source);
  const square = squared(seen, ground);
  if (white) balance(square, white);
  return { square, mask: squared(weights, [0]) };
}

/** Make `white` gray of the same brightness (von Kries). */
function balance({ data }, white) {
  const brightness = (white[0] + white[1] + white[2]) / 3;
  for (let i = 0; i < data.length; i++)
    data[i] = Math.min(255, round((brightness / white[i % 3]) * data[i]));
}

function squared(source, fill) {
  const { bands } = source;
  const side = Math.max(source.width, source.height);
  const result = picture(side, side, bands);
  for (let i = 0; i < result.data.length; i++) result.data[i] = fill[i % bands];
  const left = Math.floor((side - source.width) / 2);
  const upper = Math.floor((side - source.height) / 2);
  for (let y = 0; y < source.height; y++) {
    const start = y * source.width * bands;
    const row = source.data.subarray(start, start + source.width * bands);
    result.data.set(row, ((upper + y) * side + left) * bands);
  }
  return result;
}

/** One of VIEWS of such a square, or of its mask, `side` pixels a side. */
export function cut(square, [left, upper, right, lower, mirrored], side) {
  const box = [left, upper, right, lower].map((edge) => edge * square.width);
  const seen = resize(square, [side, side], "bilinear", box);
  return mirrored ? mirror(seen) : seen;
}
