// Colors as people see them: CIE L*a*b*, and its histogram. As images/color.py of Decor.

import { clamp } from "./pillow.js";

const BINS = [5, 9, 9];
export const RANGES = [[0, 100], [-60, 70], [-60, 70]];
// sRGB to XYZ (IEC 61966-2-1), each row divided by the white point D65.
const TO_XYZ = [
  [0.433953, 0.3762194, 0.1898275],
  [0.2126729, 0.7151522, 0.072175],
  [0.0177579, 0.1094769, 0.8727652],
].map((row) => row.map(Math.fround));
const LINEAR = Float32Array.from({ length: 256 }, (_, level) => {
  const share = level / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});

/** L*a*b* (D65), three numbers for each pixel, in single precision, of RGB pixels. */
export function lab(pixels) {
  const result = new Float32Array(pixels.length);
  const axis = ([red, green, blue], i) => {
    const value = Math.fround(red * LINEAR[pixels[i]] + green * LINEAR[pixels[i + 1]]
      + blue * LINEAR[pixels[i + 2]]);
    return Math.fround(value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  };
  for (let i = 0; i < pixels.length; i += 3) {
    const x = axis(TO_XYZ[0], i), y = axis(TO_XYZ[1], i), z = axis(TO_XYZ[2], i);
    result[i] = 116 * y - 16;
    result[i + 1] = 500 * Math.fround(x - y);
    result[i + 2] = 200 * Math.fround(y - z);
  }
  return result;
}

/** Shares of L*a*b* colors, each counting as much as its weight; closeness spreads them over bins. */
export function histogram(colors, weights) {
  const sums = new Float64Array(BINS[0] * BINS[1] * BINS[2]);
  for (let i = 0; i < weights.length; i++) {
    if (!weights[i]) continue;
    const floors = [], above = [];
    for (let channel = 0; channel < 3; channel++) {
      const [low, high] = RANGES[channel];
      const most = BINS[channel] - 1;
      const place = clamp(((colors[3 * i + channel] - low) / (high - low)) * most, 0, most - 1e-4);
      floors.push(Math.floor(place));
      above.push(place - Math.floor(place));
    }
    for (let corner = 0; corner < 8; corner++) {
      let share = weights[i], bin = 0;
      for (let channel = 0; channel < 3; channel++) {
        const up = (corner >> channel) & 1;
        share *= up ? above[channel] : 1 - above[channel];
        bin = bin * BINS[channel] + floors[channel] + up;
      }
      sums[bin] += share;
    }
  }
  const total = Math.max(sums.reduce((a, b) => a + b, 0), 1e-9);
  return sums.map((sum) => sum / total);
}
