// A digit as MNIST has it: what photograph/fit.py does, step by step, so that the pad and the command see the same.

export const SIDE = 28;
const INSIDE = 20;
const INK = 20;
const WORKING = 160;
const THINNEST = 1.6;
const THICKEST = 4.5;
const WIDENED_TO = 2.2;
const NARROWED_TO = 3.6;

/** @typedef {{values: Float64Array, rows: number, columns: number}} Grey */

/**
 * The rows and columns that hold ink, as [top, left, bottom, right), or null where there is none.
 * @param {Grey} ink
 * @returns {[number, number, number, number] | null}
 */
export function inkBox(ink) {
  let [top, left, bottom, right] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  ink.values.forEach((value, at) => {
    if (value < INK) return;
    const [row, column] = [Math.floor(at / ink.columns), at % ink.columns];
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
  });
  return bottom ? [top, left, bottom, right] : null;
}

/**
 * @param {Grey} ink
 * @param {[number, number, number, number]} box
 * @returns {Grey}
 */
function cut(ink, [top, left, bottom, right]) {
  const [rows, columns] = [bottom - top, right - left];
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = (top + row) * ink.columns + left;
    values.set(ink.values.subarray(from, from + columns), row * columns);
  }
  return { values, rows, columns };
}

/**
 * What each of `parts` new pixels takes from the old ones: fewer, the mean of what each covers; more, straight lines between.
 * @param {number} length
 * @param {number} parts
 * @returns {[number, number][][]}
 */
function weightsOver(length, parts) {
  const size = length / parts;
  return Array.from({ length: parts }, (_, part) => {
    const taken = /** @type {[number, number][]} */ ([]);
    if (parts <= length) {
      const from = part * size;
      for (let at = Math.max(0, Math.floor(from) - 1); at < length && at < from + size; at++) {
        const covered = Math.min(from + size, at + 1) - Math.max(from, at);
        if (covered > 0) taken.push([at, covered / size]);
      }
      return taken;
    }
    const place = Math.max(0, Math.min(length - 1, (part + 0.5) * size - 0.5));
    for (let at = Math.max(0, Math.floor(place) - 1); at < length && at <= place + 1; at++) {
      const near = 1 - Math.abs(place - at);
      if (near > 0) taken.push([at, near]);
    }
    return taken;
  });
}

/**
 * A picture resampled to other sides; first down the columns, then across.
 * @param {Grey} picture
 * @param {number} rows
 * @param {number} columns
 * @returns {Grey}
 */
export function resampled(picture, rows, columns) {
  const half = new Float64Array(rows * picture.columns);
  weightsOver(picture.rows, rows).forEach((taken, row) => {
    for (const [y, weight] of taken) for (let x = 0; x < picture.columns; x++) half[row * picture.columns + x] += weight * picture.values[y * picture.columns + x];
  });
  const values = new Float64Array(rows * columns);
  weightsOver(picture.columns, columns).forEach((taken, column) => {
    for (let row = 0; row < rows; row++) for (const [x, weight] of taken) values[row * columns + column] += weight * half[row * picture.columns + x];
  });
  return { values, rows, columns };
}

/**
 * Ink resampled so that its longer side has `longer` pixels, at least one along the other.
 * @param {Grey} ink
 * @param {number} longer
 * @returns {Grey}
 */
function scaled(ink, longer) {
  const factor = longer / Math.max(ink.rows, ink.columns);
  return resampled(ink, Math.max(1, Math.floor(ink.rows * factor + 0.5)), Math.max(1, Math.floor(ink.columns * factor + 0.5)));
}

/**
 * The mean width of the strokes: twice the area by the length of the edge, both from the grey values.
 * @param {Grey} ink
 * @returns {number}
 */
function strokeWidth(ink) {
  const at = (/** @type {number} */ row, /** @type {number} */ column) =>
    row < 0 || column < 0 || row >= ink.rows || column >= ink.columns ? 0 : ink.values[row * ink.columns + column];
  let edge = 0;
  for (let row = -1; row < ink.rows; row++) {
    for (let column = -1; column < ink.columns; column++) {
      const [leftUp, rightUp, leftDown, rightDown] = [at(row, column), at(row, column + 1), at(row + 1, column), at(row + 1, column + 1)];
      edge += Math.sqrt(((rightUp + rightDown - leftUp - leftDown) / 2) ** 2 + ((leftDown + rightDown - leftUp - rightUp) / 2) ** 2);
    }
  }
  const area = ink.values.reduce((sum, value) => sum + value, 0);
  return edge ? (2 * area) / edge : 0;
}

/**
 * How far the nearest marked pixel is from each, centre to centre; along the columns, then across them.
 * @param {Uint8Array} marked
 * @param {number} rows
 * @param {number} columns
 * @returns {Float64Array}
 */
function distances(marked, rows, columns) {
  const down = Float64Array.from(marked, (mark) => (mark ? 0 : rows + columns));
  for (let at = columns; at < down.length; at++) down[at] = Math.min(down[at], down[at - columns] + 1);
  for (let at = down.length - columns - 1; at >= 0; at--) down[at] = Math.min(down[at], down[at + columns] + 1);
  return down.map((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let least = Number.POSITIVE_INFINITY;
    for (let other = 0; other < columns; other++) least = Math.min(least, down[row * columns + other] ** 2 + (column - other) ** 2);
    return Math.sqrt(least);
  });
}

/**
 * Ink with its edge moved out by a distance (negative: in), soft at the new edge; the picture grows by as much all round.
 * @param {Grey} ink
 * @param {number} distance
 * @returns {Grey}
 */
function withEdgeMoved(ink, distance) {
  const margin = Math.max(0, Math.ceil(distance)) + 1;
  const [rows, columns] = [ink.rows + 2 * margin, ink.columns + 2 * margin];
  const inside = new Uint8Array(rows * columns);
  ink.values.forEach((value, at) => {
    if (value >= 127.5) inside[(Math.floor(at / ink.columns) + margin) * columns + (at % ink.columns) + margin] = 1;
  });
  const outwards = distances(inside, rows, columns);
  const inwards = distances(inside.map((mark) => 1 - mark), rows, columns);
  // Distances lie between centres of pixels: the edge is half a pixel before the nearest of the other side.
  const values = outwards.map((far, at) => 255 * Math.max(0, Math.min(1, distance - (inside[at] ? 0.5 - inwards[at] : far - 0.5) + 0.5)));
  return { values, rows, columns };
}

/**
 * Ink of at most 20 a side in 28×28, its centre of mass nearest to the middle.
 * @param {Grey} ink
 * @returns {Uint8Array}
 */
function centred({ values, rows, columns }) {
  let [mass, sumRow, sumColumn] = [0, 0, 0];
  values.forEach((value, at) => {
    mass += value;
    sumRow += value * (Math.floor(at / columns) + 0.5);
    sumColumn += value * ((at % columns) + 0.5);
  });
  const start = (/** @type {number} */ middle, /** @type {number} */ side) => Math.max(0, Math.min(SIDE - side, Math.floor(SIDE / 2 - middle + 0.5)));
  const [top, left] = [start(sumRow / mass, rows), start(sumColumn / mass, columns)];
  const image = new Uint8Array(SIDE * SIDE);
  values.forEach((value, at) => {
    image[(top + Math.floor(at / columns)) * SIDE + left + (at % columns)] = Math.max(0, Math.min(255, Math.floor(value + 0.5)));
  });
  return image;
}

/**
 * The 28×28 bytes that the network sees of a drawing, with its stroke's width before and after in pixels of that image;
 * null where there is no ink. Without `stroke` the width of the stroke stays as it is.
 * @param {Uint8Array} bytes 0 for paper to 255 for ink
 * @param {number} columns
 * @param {boolean} [stroke]
 * @returns {{image: Uint8Array, width: number, changedTo: number | null} | null}
 */
export function fitted(bytes, columns, stroke = true) {
  const ink = { values: Float64Array.from(bytes), rows: bytes.length / columns, columns };
  const box = inkBox(ink);
  if (!box) return null;
  let part = cut(ink, box);
  const width = (strokeWidth(part) * INSIDE) / Math.max(part.rows, part.columns);
  const wanted = width < THINNEST ? WIDENED_TO : width > THICKEST ? NARROWED_TO : width;
  const moved = stroke && wanted !== width;
  if (moved) {
    // Moving by r makes the stroke 2r wider and the whole digit as well, which then shrinks to 20 again.
    part = withEdgeMoved(scaled(part, WORKING), ((wanted - width) * WORKING) / (2 * (INSIDE - wanted)));
    const again = inkBox(part);
    if (!again) return null;
    part = cut(part, again);
  }
  return { image: centred(scaled(part, INSIDE)), width, changedTo: moved ? wanted : null };
}
