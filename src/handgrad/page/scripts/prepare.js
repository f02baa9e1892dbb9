// A drawn digit as the network is used to see one: 20 pixels large, its centre of mass in the middle of 28×28.

export const SIDE = 28;
const INSIDE = 20;
const INK = 20;

/**
 * The rows and columns that hold ink, as [top, left, bottom, right), or null where there is none.
 * @param {Uint8Array} ink
 * @param {number} width
 * @returns {[number, number, number, number] | null}
 */
export function inkBox(ink, width) {
  let [top, left, bottom, right] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  for (let at = 0; at < ink.length; at++) {
    if (ink[at] < INK) continue;
    const [row, column] = [Math.floor(at / width), at % width];
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
  }
  return bottom ? [top, left, bottom, right] : null;
}

/**
 * A part of an image made smaller or larger: each new pixel is the mean of what it covers.
 * @param {Uint8Array} ink
 * @param {number} width
 * @param {[number, number, number, number]} box
 * @param {number} rows
 * @param {number} columns
 * @returns {Float64Array}
 */
export function resampled(ink, width, box, rows, columns) {
  const [top, left, bottom, right] = box;
  const down = weightsOver(bottom - top, rows);
  const across = weightsOver(right - left, columns);
  const result = new Float64Array(rows * columns);
  down.forEach((rowWeights, row) => {
    across.forEach((columnWeights, column) => {
      let sum = 0;
      for (const [y, a] of rowWeights) for (const [x, b] of columnWeights) sum += a * b * ink[(top + y) * width + left + x];
      result[row * columns + column] = sum;
    });
  });
  return result;
}

/**
 * For each of `parts` equal parts of a length: which whole pixels it covers, and how much of the part each is.
 * @param {number} length
 * @param {number} parts
 * @returns {[number, number][][]}
 */
function weightsOver(length, parts) {
  const size = length / parts;
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part * size, (part + 1) * size];
    const covered = [];
    for (let at = Math.floor(from); at < Math.min(length, Math.ceil(to - 1e-9)); at++) {
      covered.push(/** @type {[number, number]} */ ([at, (Math.min(to, at + 1) - Math.max(from, at)) / size]));
    }
    return covered;
  });
}

/**
 * The 28×28 bytes of a drawing, or null for an empty one.
 * @param {Uint8Array} ink 0 for paper to 255 for ink
 * @param {number} width
 * @returns {Uint8Array | null}
 */
export function prepared(ink, width) {
  const box = inkBox(ink, width);
  if (!box) return null;
  const [high, wide] = [box[2] - box[0], box[3] - box[1]];
  const scale = INSIDE / Math.max(high, wide);
  const rows = Math.max(1, Math.round(high * scale));
  const columns = Math.max(1, Math.round(wide * scale));
  const small = resampled(ink, width, box, rows, columns);
  let [mass, sumRow, sumColumn] = [0, 0, 0];
  small.forEach((value, at) => {
    mass += value;
    sumRow += value * (Math.floor(at / columns) + 0.5);
    sumColumn += value * ((at % columns) + 0.5);
  });
  const top = shiftFor(sumRow / mass, rows);
  const left = shiftFor(sumColumn / mass, columns);
  const image = new Uint8Array(SIDE * SIDE);
  small.forEach((value, at) => {
    const place = (top + Math.floor(at / columns)) * SIDE + left + (at % columns);
    image[place] = Math.min(255, Math.round(value));
  });
  return image;
}

/**
 * Where a length begins so that its centre lies in the middle, and all of it inside.
 * @param {number} centre
 * @param {number} length
 */
function shiftFor(centre, length) {
  return Math.max(0, Math.min(SIDE - length, Math.round(SIDE / 2 - centre)));
}
