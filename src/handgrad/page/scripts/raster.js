// Filters on grey pictures, as OpenCV has them: photograph/paper.py and find.py are built from these.

import { resampled } from "./prepare.js";

/** @typedef {import("./prepare.js").Grey} Grey */

/**
 * Rounded to whole numbers, halves to the even one, as Python and OpenCV round.
 * @param {number} value
 */
export function even(value) {
  // Beside 1.5 · 2⁵² a double has no room for a fraction: the processor rounds it, halves to the even one.
  return value + 6755399441055744 - 6755399441055744;
}

/**
 * A picture of bytes made smaller, by whole bytes; as it is where it has that size already.
 * @param {Grey} picture
 * @param {number} rows
 * @param {number} columns
 * @returns {Grey}
 */
export function smaller(picture, rows, columns) {
  const { values } = resampled(picture, rows, columns);
  return { values: values.map((value) => Math.floor(value + 0.5)), rows, columns };
}

/**
 * Where a place outside lies when the picture is mirrored at the middle of its outermost pixels.
 * @param {number} at
 * @param {number} length
 */
function mirrored(at, length) {
  if (length === 1) return 0;
  let place = at;
  while (place < 0 || place >= length) place = place < 0 ? -place : 2 * (length - 1) - place;
  return place;
}

/**
 * Blurred by a Gaussian out to four standard deviations, first across, then down.
 * @param {Grey} picture
 * @param {number} sigma
 * @returns {Grey}
 */
export function blurred({ values, rows, columns }, sigma) {
  const reach = (even(8 * sigma + 1) | 1) >> 1;
  const bell = Array.from({ length: 2 * reach + 1 }, (_, at) => Math.exp(-((at - reach) ** 2) / (2 * sigma ** 2)));
  const sum = bell.reduce((all, part) => all + part, 0);
  const kernel = Float64Array.from(bell, (part) => part / sum);
  const across = Array.from({ length: columns + 2 * reach }, (_, at) => mirrored(at - reach, columns));
  const down = Array.from({ length: rows + 2 * reach }, (_, at) => mirrored(at - reach, rows));
  const half = new Float64Array(values.length);
  const whole = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let value = 0;
      for (let k = 0; k < kernel.length; k++) value += kernel[k] * values[row * columns + across[column + k]];
      half[row * columns + column] = value;
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < kernel.length; k++) {
      const from = down[row + k] * columns;
      for (let column = 0; column < columns; column++) whole[row * columns + column] += kernel[k] * half[from + column];
    }
  }
  return { values: whole, rows, columns };
}

/**
 * The median of each pixel and the eight round it; the picture goes on beyond its edge with its own values.
 * @param {Grey} picture
 * @returns {Grey}
 */
export function medianOfNine({ values, rows, columns }) {
  const nine = new Float64Array(9);
  const found = values.map((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    for (let k = 0; k < 9; k++) {
      const y = Math.max(0, Math.min(rows - 1, row + Math.floor(k / 3) - 1));
      const x = Math.max(0, Math.min(columns - 1, column + (k % 3) - 1));
      nine[k] = values[y * columns + x];
    }
    return nine.toSorted()[4];
  });
  return { values: found, rows, columns };
}

/**
 * Closed by a disc: for each pixel the largest value under the disc, then the smallest of these; what is dark and narrower
 * than the disc is filled from beside it.
 * @param {Grey} picture
 * @param {number} side the disc's diameter, odd
 * @returns {Grey}
 */
export function closedByDisc(picture, side) {
  const radius = side >> 1;
  const widths = Array.from({ length: side }, (_, at) => even(radius * Math.sqrt((radius ** 2 - (at - radius) ** 2) / radius ** 2)));
  const negative = (/** @type {Grey} */ { values, ...sides }) => ({ values: values.map((value) => -value), ...sides });
  return negative(largestUnder(negative(largestUnder(picture, widths)), widths));
}

/**
 * The largest value under a disc round each pixel; the picture goes on beyond its edge with its own values.
 * @param {Grey} picture
 * @param {number[]} widths how far the disc reaches to either side in each of its rows
 * @returns {Grey}
 */
function largestUnder({ values, rows, columns }, widths) {
  const radius = widths.length >> 1;
  const found = Float64Array.from(values);
  widths.forEach((wide, k) => {
    for (let row = 0; row < rows; row++) {
      const from = Math.max(0, Math.min(rows - 1, row + k - radius)) * columns;
      for (let column = 0; column < columns; column++) {
        let best = found[row * columns + column];
        for (let x = Math.max(0, column - wide), last = Math.min(columns - 1, column + wide); x <= last; x++) {
          if (values[from + x] > best) best = values[from + x];
        }
        found[row * columns + column] = best;
      }
    }
  });
  return { values: found, rows, columns };
}

/**
 * The value below which a part of the values lies, with a straight line between neighbours.
 * @param {Float64Array} sorted
 * @param {number} part from 0 to 1
 */
export function quantile(sorted, part) {
  const place = (sorted.length - 1) * part;
  const low = Math.floor(place);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

/** @param {ArrayLike<number>} values */
export function medianOf(values) {
  return quantile(Float64Array.from(values).toSorted(), 0.5);
}
