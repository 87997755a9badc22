// Color profiles inside files, applied to eight bits as LittleCMS does it (cmsopt.c, MatShaper).
//
// As images/profiles.py of Decor, for profiles of three primaries and a curve each; others are left
// to the browser, whose rounding differs.

const SAME = 2; // levels of 255 by which profiles of sRGB by several makers differ
const ONE = 1 << 14; // 1 in fixed point
// Of sRGB as LittleCMS makes it: primaries adapted to D50, XYZ → RGB.
const FROM_XYZ = inverse([
  [0.43604125161605084, 0.3851129107981557, 0.14304583758579362],
  [0.22248454022947742, 0.7169050786084579, 0.060610381162065304],
  [0.013920187471375375, 0.09706723869712407, 0.713912573831501],
]);
const MAX_BYTES = 8 * 2 ** 20;

/** The bytes of the color profile in a JPEG, PNG or WebP file; null without one. */
export async function profileIn(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint16(0) === 0xffd8) return inJpeg(bytes, view);
    if (view.getUint32(0) === 0x89504e47) return await inPng(bytes, view);
    if (text(bytes, 0) === "RIFF" && text(bytes, 8) === "WEBP") return inWebp(bytes, view);
  } catch {} // the file ends in the middle: let the browser say what it makes of it
  return null;
}

function text(bytes, at, length = 4) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function inJpeg(bytes, view) {
  const parts = [];
  for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; ) {
    const length = view.getUint16(at + 2);
    if (view.getUint8(at + 1) === 0xe2 && text(bytes, at + 4, 11) === "ICC_PROFILE")
      parts[bytes[at + 16]] = bytes.subarray(at + 18, at + 2 + length);
    at += 2 + length;
  }
  const found = parts.filter(Boolean);
  const whole = new Uint8Array(found.reduce((sum, part) => sum + part.length, 0));
  found.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return found.length ? whole : null;
}

async function inPng(bytes, view) {
  for (let at = 8; text(bytes, at + 4) !== "IDAT"; at += 12 + view.getUint32(at)) {
    if (text(bytes, at + 4) !== "iCCP") continue;
    const chunk = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const packed = new Blob([chunk.subarray(chunk.indexOf(0) + 2)]).stream();
    return await unpacked(packed.pipeThrough(new DecompressionStream("deflate")).getReader());
  }
  return null;
}

async function unpacked(reader) {
  const parts = [];
  for (let left = MAX_BYTES; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    if ((left -= value.length) < 0) return null;
    parts.push(value);
  }
}

function inWebp(bytes, view) {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (text(bytes, at) === "ICCP") return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length & 1);
  }
  return null;
}

/** What turns the levels of a picture of three bands into sRGB, in place; null where it is left to
 * the browser. A profile that changes next to nothing changes nothing.
 */
export function profileTransform(profile) {
  let shaper;
  try {
    shaper = shaperOf(profile);
  } catch {
    return null; // damaged
  }
  if (!shaper) return null;
  const levels = [0, 51, 102, 153, 204, 255];
  const probe = levels.flatMap((r) => levels.flatMap((g) => levels.flatMap((b) => [r, g, b])));
  const changed = apply(shaper, Int16Array.from(probe));
  const most = Math.max(...changed.map((level, i) => Math.abs(level - probe[i])));
  return most > SAME ? ({ data }) => apply(shaper, data) : () => {};
}

function shaperOf(profile) {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const tags = new Map();
  for (let i = 0; i < view.getUint32(128); i++) {
    const at = 132 + 12 * i;
    tags.set(text(profile, at), view.getUint32(at + 4));
  }
  const isMatrix = text(profile, 16) === "RGB " && text(profile, 20) === "XYZ " && !tags.has("A2B0");
  const names = ["rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"];
  if (!isMatrix || !names.every((name) => tags.has(name))) return null;
  const columns = names.slice(0, 3).map((name) => numbers(view, tags.get(name) + 8, 3));
  const toXyz = [0, 1, 2].map((row) => columns.map((column) => column[row]));
  const curves = names.slice(3).map((name) => curveAt(profile, view, tags.get(name)));
  const matrix = product(FROM_XYZ, toXyz).map((row) => row.map((x) => Math.floor(x * ONE + 0.5)));
  return {
    matrix,
    first: curves.map((curve) =>
      Int32Array.from({ length: 256 }, (_, i) => Math.floor(curve(Math.fround(i / 255)) * ONE + 0.5))),
    second: Uint8Array.from({ length: ONE + 1 }, (_, i) => eightBits(encoded(i / ONE))),
  };
}

function apply({ matrix, first, second }, data) {
  for (let i = 0; i < data.length; i += 3) {
    const light = first.map((table, band) => table[data[i + band]]);
    for (let band = 0; band < 3; band++) {
      const [r, g, b] = matrix[band];
      const sum = Math.floor((r * light[0] + g * light[1] + b * light[2] + ONE / 2) / ONE);
      data[i + band] = second[Math.min(Math.max(sum, 0), ONE)];
    }
  }
  return data;
}

function eightBits(value) {
  const word = Math.floor(Math.min(Math.max(value, 0), 1) * 65535 + 0.5);
  return (word * 65281 + 8388608) / 2 ** 24 & 255;
}

/** Light → level of sRGB. */
function encoded(light) {
  const [gamma, a, b, c, d] = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
  return light >= (a * d + b) ** gamma ? (light ** (1 / gamma) - b) / a : light / c;
}

function curveAt(profile, view, at) {
  if (text(profile, at) === "para") return parametric(view, at);
  const count = view.getUint32(at + 8);
  if (count < 2) return power(count ? view.getUint16(at + 12) / 256 : 1);
  const table = Uint16Array.from({ length: count }, (_, i) => view.getUint16(at + 12 + 2 * i));
  return (level) => interpolated(table, Math.floor(level * 65535 + 0.5)) / 65535;
}

/** As LinLerp1D of LittleCMS, in 16 bits. */
function interpolated(table, level) {
  if (level === 65535) return table[table.length - 1];
  const scaled = level * (table.length - 1);
  const place = scaled + Math.floor((scaled + 32767) / 65535);
  const [cell, rest] = [Math.floor(place / 65536), place % 65536];
  return table[cell] + Math.floor(((table[cell + 1] - table[cell]) * rest + 32768) / 65536);
}

/** Curves of parametricCurveType in ICC.1. */
function parametric(view, at) {
  const kind = view.getUint16(at + 8);
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = numbers(view, at + 12, [1, 3, 4, 5, 7][kind]);
  if (kind === 0) return power(g);
  if (kind < 3) {
    const offset = kind === 2 ? c : 0;
    return (x) => (x >= -b / a ? (a * x + b) ** g : 0) + offset;
  }
  return (x) => (x >= d ? (a * x + b) ** g + e : c * x + f);
}

function power(gamma) {
  return (level) => level ** gamma;
}

function numbers(view, at, count) {
  return Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i) / 65536);
}

function product(left, right) {
  return left.map((row) => [0, 1, 2].map((j) => row.reduce((sum, x, k) => sum + x * right[k][j], 0)));
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const minors = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  const size = a * minors[0][0] + b * minors[1][0] + c * minors[2][0];
  return minors.map((row) => row.map((x) => x / size));
}
