// A picture file as grey bytes, upright: what photograph/read.py does with what Pillow decodes, done with what the browser decodes.

/** @typedef {import("./prepare.js").Grey} Grey */

const MOST_PIXELS = 60e6;
const LARGE = 1600;
const STRIP = 4e6;

/**
 * The picture in a file as grey bytes, turned as its EXIF says, transparency laid on white, at most 1,600 a side.
 * @param {Blob} file
 * @returns {Promise<Grey>}
 */
export async function readPicture(file) {
  // Colours as they are stored, as Pillow takes them: no profile of a camera or a screen.
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new RangeError(`${width}×${height} pixels are too many`);
  const values = new Float64Array(width * height);
  const canvas = document.createElement("canvas");
  // In strips: telephones allow a canvas of 16 million pixels, and take pictures of 50.
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP / width)));
  canvas.width = width;
  canvas.height = rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, count, 0, 0, width, count);
    const { data } = context.getImageData(0, 0, width, count);
    for (let at = 0; at < width * count; at++) {
      // ITU-R 601 in whole numbers, as Pillow's mode L.
      values[top * width + at] = (19595 * data[4 * at] + 38470 * data[4 * at + 1] + 7471 * data[4 * at + 2] + 32768) >> 16;
    }
  }
  bitmap.close();
  return notTooLarge({ values, rows: height, columns: width });
}

/**
 * A picture with at most 1,600 pixels along its longer side: each new pixel is the mean of the old ones whose middle it covers.
 * @param {Grey} grey
 * @returns {Grey}
 */
export function notTooLarge(grey) {
  const { rows, columns } = grey;
  if (Math.max(rows, columns) <= LARGE) return grey;
  const wide = columns > rows;
  const aspect = columns / rows;
  const exact = wide ? LARGE / aspect : LARGE * aspect;
  // The side whose proportion comes nearest to the picture's own, as Pillow chooses it.
  const apart = (/** @type {number} */ side) => Math.abs(aspect - (wide ? LARGE / side : side / LARGE));
  const [less, more] = [Math.max(1, Math.floor(exact)), Math.max(1, Math.ceil(exact))];
  const short = apart(less) <= apart(more) ? less : more;
  return wide ? down(across(grey, LARGE), short) : down(across(grey, short), LARGE);
}

/**
 * @param {Grey} grey
 * @param {number} parts
 * @returns {Grey}
 */
function across({ values, rows, columns }, parts) {
  const found = new Float64Array(rows * parts);
  const spans = covered(columns, parts);
  for (let row = 0; row < rows; row++) {
    spans.forEach(([first, last], part) => {
      let sum = 0;
      for (let at = first; at < last; at++) sum += values[row * columns + at];
      found[row * parts + part] = Math.floor(sum / (last - first) + 0.5);
    });
  }
  return { values: found, rows, columns: parts };
}

/**
 * @param {Grey} grey
 * @param {number} parts
 * @returns {Grey}
 */
function down({ values, columns, rows }, parts) {
  const found = new Float64Array(parts * columns);
  covered(rows, parts).forEach(([first, last], part) => {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let at = first; at < last; at++) sum += values[at * columns + column];
      found[part * columns + column] = Math.floor(sum / (last - first) + 0.5);
    }
  });
  return { values: found, rows: parts, columns };
}

/**
 * Which old pixels each of `parts` new ones takes: those whose middle lies in it.
 * @param {number} length
 * @param {number} parts
 * @returns {[number, number][]}
 */
function covered(length, parts) {
  const size = length / parts;
  return Array.from({ length: parts }, (_, part) => {
    const middle = (part + 0.5) * size;
    return [Math.max(0, Math.floor(middle - size / 2 + 0.5)), Math.min(length, Math.floor(middle + size / 2 + 0.5))];
  });
}
