// A file → its upright pixels in sRGB, transparency laid on white, at most WORKING_SIDE a side.
//
// As images/decode.py of Decor, but the browser decodes: it knows other formats than Decor.

import { picture, reduce, resize } from "./pillow.js";
import { profileIn, profileTransform } from "./profile.js";
import { WORKING_SIDE } from "./views.js";

const MAX_BYTES = 32 * 2 ** 20;
const MAX_PIXELS = 64_000_000;
const MIN_SIDE = 8;
const STRIP = 512; // rows that are read at once: browsers limit how large a canvas may be

/** The pixels of a picture in a Blob; an Error says in a sentence why there are none. */
export async function readPicture(blob) {
  if (!blob.size) throw new Error("The file is empty (0 bytes); expected a picture.");
  if (blob.size > MAX_BYTES)
    throw new Error(`The file has ${(blob.size / 2 ** 20).toFixed(1)} MiB, more than the `
      + `${MAX_BYTES / 2 ** 20} MiB allowed; save the picture smaller.`);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const profile = await profileIn(bytes);
  const transform = profile && profileTransform(profile);
  const bitmap = await decode(blob, transform ? "none" : "default");
  try {
    const seen = readBitmap(bitmap, bytes[0] === 0xff && bytes[1] === 0xd8);
    transform?.(seen);
    return seen;
  } finally {
    bitmap.close();
  }
}

async function decode(blob, colorSpaceConversion) {
  try {
    const how = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion };
    return await createImageBitmap(blob, how);
  } catch {
    throw new Error("This browser cannot read it as a picture; save it as JPEG or PNG and try again.");
  }
}

/** The pixels of what can be drawn on a canvas; a large JPEG is read at a fraction, as in Decor. */
export function readBitmap(bitmap, isJpeg) {
  const { width, height } = bitmap;
  if (Math.min(width, height) < MIN_SIDE || width * height > MAX_PIXELS)
    throw new Error(`The picture has ${width} × ${height} pixels; expected at least ${MIN_SIDE} `
      + `a side and at most ${MAX_PIXELS / 1e6} million.`);
  const seen = readReduced(bitmap, isJpeg ? jpegFraction(width, height) : 1);
  const isWhite = seen.data.every((level) => level === 255);
  return thumbnail((isWhite && hiddenColors(bitmap)) || seen);
}

/** The colors of a picture that is transparent all over, as Decor takes them; null without any.
 *
 * A canvas forgets what cannot be seen; WebGL does not.
 */
function hiddenColors(bitmap) {
  const { width, height } = bitmap;
  const gl = document.createElement("canvas").getContext("webgl");
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  const isHidden = data.every((level, i) => i % 4 < 3 || !level);
  if (!isHidden || data.every((level, i) => level === data[i % 4])) return null;
  return picture(width, height, 3, data.filter((_, i) => i % 4 < 3));
}

/** By how much Pillow's JPEG decoder scales down for `draft`: see _decode_small of Decor. */
function jpegFraction(width, height) {
  const share = (1.5 * WORKING_SIDE) / Math.max(width, height);
  const wanted = [width, height].map((side) => Math.max(Math.round(side * share), 1));
  const scale = Math.min(Math.floor(width / wanted[0]), Math.floor(height / wanted[1]));
  return [8, 4, 2, 1].find((factor) => scale >= factor) ?? 1;
}

/** The pixels, each the mean of `factor` by `factor`, read in strips of whole blocks. */
function readReduced(bitmap, factor) {
  const { width, height } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = Math.min(STRIP, Math.ceil(height / factor) * factor);
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  const result = picture(Math.ceil(width / factor), Math.ceil(height / factor), 3);
  for (let upper = 0; upper < height; upper += STRIP) {
    const rows = Math.min(STRIP, height - upper);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, upper, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    const strip = reduce(picture(width, rows, 4, data), factor);
    const start = (upper / factor) * result.width;
    for (let i = 0; i < strip.width * strip.height; i++)
      for (let band = 0; band < 3; band++)
        result.data[3 * (start + i) + band] = strip.data[4 * i + band];
  }
  return result;
}

/** `thumbnail` of Pillow with a bicubic filter and a reducing gap of three. */
function thumbnail(source) {
  const { width, height } = source;
  if (Math.max(width, height) <= WORKING_SIDE) return source;
  const aspect = width / height;
  const size = aspect <= 1
    ? [roundAspect(WORKING_SIDE * aspect, (n) => Math.abs(aspect - n / WORKING_SIDE)), WORKING_SIDE]
    : [WORKING_SIDE, roundAspect(WORKING_SIDE / aspect,
        (n) => (n ? Math.abs(aspect - WORKING_SIDE / n) : 0))];
  const [across, down] = [width, height].map((side, i) => Math.floor(side / size[i] / 3) || 1);
  const box = [0, 0, width / across, height / down];
  return resize(reduce(source, across, down), size, "bicubic", box);
}

function roundAspect(number, distance) {
  const [low, high] = [Math.floor(number), Math.ceil(number)];
  return Math.max(distance(high) < distance(low) ? high : low, 1);
}
