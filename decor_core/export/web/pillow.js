// What Pillow does with pictures of eight bits, to the bit: cut, resize, reduce, blur.
//
// A picture is { width, height, bands, data }, data being a Uint8Array of its pixels, row by row.
// Browsers scale pictures each in its own way, which would give other answers than Decor's.

const PRECISION = 2 ** 22; // the unit in which Pillow counts the weights of pixels

const FILTERS = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

export function picture(width, height, bands, data = new Uint8Array(width * height * bands)) {
  return { width, height, bands, data };
}

/** As Python rounds: halves to the even number. */
export function round(x) {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 ? floor + 1 : floor;
}

export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

export function crop(source, [left, upper, right, lower]) {
  const { bands } = source;
  const result = picture(right - left, lower - upper, bands);
  for (let y = 0; y < result.height; y++) {
    const start = ((upper + y) * source.width + left) * bands;
    const row = source.data.subarray(start, start + result.width * bands);
    result.data.set(row, y * result.width * bands);
  }
  return result;
}

export function mirror({ width, height, bands, data }) {
  const result = picture(width, height, bands);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let band = 0; band < bands; band++)
        result.data[(y * width + x) * bands + band] =
          data[(y * width + width - 1 - x) * bands + band];
  return result;
}

/** `resize` of Pillow: along the rows, then along the columns, each rounded to eight bits. */
export function resize(source, [width, height], filter, box = null) {
  // Pillow takes the edges of a box in single precision.
  const [left, upper, right, lower] = (box ?? [0, 0, source.width, source.height]).map(Math.fround);
  const passes = [];
  if (width !== source.width || left || right !== width)
    passes.push((result) => resample(result, true, width, left, right, FILTERS[filter]));
  if (height !== source.height || upper || lower !== height)
    passes.push((result) => resample(result, false, height, upper, lower, FILTERS[filter]));
  // What shrinks in height by far the most, Pillow 13 takes the other way around.
  const lost = source.height - height;
  if (lost > 0 && lost > 2 * (source.width - width)) passes.reverse();
  return passes.reduce((result, pass) => pass(result), source);
}

function resample(source, isAcross, size, start, stop, filter) {
  const { bands } = source;
  const length = isAcross ? source.width : source.height;
  const lines = isAcross ? source.height : source.width;
  const levels = new Uint8ClampedArray(size * lines * bands);
  const result = picture(...(isAcross ? [size, lines] : [lines, size]), bands, levels);
  // Steps in the arrays from a pixel of a line to the next, and from a line to the next.
  const [step, lineStep] = isAcross ? [bands, length * bands] : [lines * bands, bands];
  const [newStep, newLineStep] = isAcross ? [bands, size * bands] : [lines * bands, bands];
  for (let i = 0; i < size; i++) {
    const { first, weights } = coefficients(i, length, size, start, stop, filter);
    for (let line = 0; line < lines; line++)
      for (let band = 0; band < bands; band++) {
        let sum = PRECISION / 2;
        let place = line * lineStep + first * step + band;
        for (let k = 0; k < weights.length; k++, place += step)
          sum += source.data[place] * weights[k];
        // The array itself clips: what is too large, or below zero.
        result.data[line * newLineStep + i * newStep + band] = Math.floor(sum / PRECISION);
      }
  }
  return { ...result, data: new Uint8Array(result.data.buffer) };
}

/** Which pixels of a line make the i-th of the new ones, and what each weighs. */
function coefficients(i, length, size, start, stop, filter) {
  const scale = Math.fround(stop - start) / size;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const center = start + (i + 0.5) * scale;
  const first = Math.max(Math.trunc(center - support + 0.5), 0);
  const last = Math.min(Math.trunc(center + support + 0.5), length);
  const weights = new Float64Array(last - first).map(
    (_, i) => filter.weight((first + i - center + 0.5) * (1 / filterScale)));
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  return { first, weights: weights.map((weight) => wholeNumber((weight / total) * PRECISION)) };
}

const wholeNumber = (x) => Math.trunc(x < 0 ? x - 0.5 : x + 0.5);

/** `reduce` of Pillow: the mean of blocks of pixels, those at the right and lower edge smaller. */
export function reduce(source, across, down = across) {
  if (across === 1 && down === 1) return source;
  const { bands } = source;
  const result = picture(Math.ceil(source.width / across), Math.ceil(source.height / down), bands);
  for (let y = 0; y < result.height; y++) {
    const lower = Math.min((y + 1) * down, source.height);
    for (let x = 0; x < result.width; x++) {
      const right = Math.min((x + 1) * across, source.width);
      const count = (right - x * across) * (lower - y * down);
      const factor = meanFactor(count);
      for (let band = 0; band < bands; band++) {
        let sum = Math.trunc(count / 2);
        for (let line = y * down; line < lower; line++)
          for (let column = x * across; column < right; column++)
            sum += source.data[(line * source.width + column) * bands + band];
        result.data[(y * result.width + x) * bands + band] = Math.floor((sum * factor) / 2 ** 24);
      }
    }
  }
  return result;
}

/** Pillow divides by a multiplication with whole numbers, but by powers of two it shifts. */
function meanFactor(count) {
  const exact = 2 ** 24 / count;
  return Number.isInteger(exact) ? exact : Math.floor(Math.fround(2 ** 32 / (256 * count)));
}

/** `ImageOps.contain` with a bilinear filter. */
export function contain(source, side) {
  const { width, height } = source;
  let size = [side, side];
  if (width > height) size = [side, Math.max(round((height / width) * side), 1)];
  if (width < height) size = [Math.max(round((width / height) * side), 1), side];
  return resize(source, size, "bilinear");
}

/** `GaussianBlur` of Pillow, of one band: three box blurs each way. */
export function gaussianBlur(source, radius) {
  const single = Math.fround; // as in Pillow, at each step
  const variance = single((radius * radius) / 3);
  const whole = Math.floor((single(Math.sqrt(12 * variance + 1)) - 1) / 2);
  const most = single((2 * whole + 1) * single(whole * (whole + 1) - single(3 * variance)));
  const least = single(6 * single(variance - (whole + 1) * (whole + 1)));
  const boxRadius = single(whole + single(most / least));
  const { width, height } = source;
  const data = source.data.slice();
  for (let pass = 0; pass < 3; pass++) boxBlur(data, height, width, width, 1, boxRadius);
  for (let pass = 0; pass < 3; pass++) boxBlur(data, width, height, 1, width, boxRadius);
  return picture(width, height, 1, data);
}

function boxBlur(data, lines, length, lineStep, step, boxRadius) {
  const radius = Math.trunc(boxRadius);
  const weight = Math.trunc(Math.fround(2 ** 24 / Math.fround(boxRadius * 2 + 1)));
  const farWeight = Math.trunc((2 ** 24 - (radius * 2 + 1) * weight) / 2);
  const line = new Uint8Array(length);
  const at = (place) => line[clamp(place, 0, length - 1)];
  for (let number = 0; number < lines; number++) {
    for (let i = 0; i < length; i++) line[i] = data[number * lineStep + i * step];
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let place = i - radius; place <= i + radius; place++) sum += at(place);
      const far = at(i - radius - 1) + at(i + radius + 1);
      const blurred = sum * weight + far * farWeight + 2 ** 23;
      data[number * lineStep + i * step] = Math.floor(blurred / 2 ** 24);
    }
  }
}

/** RGB as YCbCr, in the whole numbers of Pillow's tables. */
export function ycbcr({ width, height, data }) {
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i], green = data[i + 1], blue = data[i + 2];
    result[i] = (part(0.299, red) + part(0.587, green) + part(0.114, blue)) >> 6;
    result[i + 1] = ((part(-0.16874, red) + part(-0.33126, green) + part(0.5, blue)) >> 6) + 128;
    result[i + 2] = ((part(0.5, red) + part(-0.41869, green) + part(-0.08131, blue)) >> 6) + 128;
  }
  return picture(width, height, 3, result);
}

const part = (share, level) => Math.trunc(share * level * 64 + 0.5);

/** How many pixels have each level, of every band: those for which `counts(index)` is true. */
export function histograms({ bands, data }, counts = () => true) {
  const found = Array.from({ length: bands }, () => new Uint32Array(256));
  for (let i = 0; i * bands < data.length; i++)
    if (counts(i)) for (let band = 0; band < bands; band++) found[band][data[i * bands + band]]++;
  return found;
}

/** `ImageStat.Stat(…).median` of histograms. */
export function medians(found) {
  return found.map((histogram) => {
    const half = Math.floor(histogram.reduce((a, b) => a + b, 0) / 2);
    let sum = 0;
    return histogram.findIndex((count) => (sum += count) > half);
  });
}

/** The mean level of each band. */
export function means(found) {
  return found.map((histogram) => {
    const n = histogram.reduce((a, b) => a + b, 0);
    return histogram.reduce((sum, count, level) => sum + count * level, 0) / n;
  });
}
