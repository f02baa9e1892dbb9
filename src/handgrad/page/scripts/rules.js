// Ruled lines of the paper found and taken away: the part of photograph/find.py that OpenCV's HoughLinesP does there.

import { even, quantile } from "./raster.js";

/** @typedef {{values: Uint8Array, rows: number, columns: number}} Mask */
/** @typedef {[number, number]} Point  column, row */

const LONG_LINE = 0.8;
const ANGLES = 720;
const STEEPEST = 0.18;
const MOST_LINES = 200;

/**
 * A mask without the ruled lines of the paper, lying or standing; strokes that cross one stay.
 * @param {Mask} mask
 * @returns {Mask}
 */
export function withoutRules(mask) {
  if (Math.min(mask.rows, mask.columns) < 80) return mask;
  return turned(withoutLyingRules(turned(withoutLyingRules(mask))));
}

/**
 * Rows for columns.
 * @param {Mask} mask
 * @returns {Mask}
 */
function turned({ values, rows, columns }) {
  return { values: values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]), rows: columns, columns: rows };
}

/**
 * Along each line, what is about as high as the line itself goes; where ink is higher, a stroke crosses and stays.
 * @param {Mask} mask
 * @returns {Mask}
 */
function withoutLyingRules(mask) {
  const { values, rows, columns } = mask;
  const least = even(LONG_LINE * columns);
  const lines = longLines(mask, least >> 1, least, Math.max(4, Math.floor(columns / 40)));
  if (!lines.length) return mask;
  const runs = runHeights(mask);
  const result = Uint8Array.from(values);
  for (const [[x1, y1], [x2, y2]] of lines.slice(0, MOST_LINES)) {
    if (x1 === x2 || Math.abs((y2 - y1) / (x2 - x1)) > STEEPEST) continue;
    const ys = Array.from({ length: columns }, (_, x) => Math.max(0, Math.min(rows - 1, even(y1 + ((x - x1) * (y2 - y1)) / (x2 - x1)))));
    const on = ys.map((y, x) => y * columns + x).filter((at) => values[at]);
    if (on.length / columns < LONG_LINE * 0.85) continue;
    const thin = quantile(Float64Array.from(on, (at) => runs[at]).toSorted(), 0.4);
    const reach = Math.floor(thin) + 2;
    ys.forEach((y, x) => {
      for (let row = Math.max(0, y - reach); row <= Math.min(rows - 1, y + reach); row++) {
        const run = runs[row * columns + x];
        if (run && run <= 1.5 * thin + 1) result[row * columns + x] = 0;
      }
    });
  }
  return { values: result, rows, columns };
}

/**
 * For each pixel of ink how many lie in one piece above and below it, itself counted; 0 for paper.
 * @param {Mask} mask
 */
function runHeights({ values, rows, columns }) {
  const runs = new Int32Array(values.length);
  for (let column = 0; column < columns; column++) {
    for (let row = 0, end = 0; row < rows; row = end + 1) {
      end = row;
      while (end < rows && values[end * columns + column]) end++;
      for (let inside = row; inside < end; inside++) runs[inside * columns + column] = end - row;
    }
  }
  return runs;
}

/**
 * OpenCV's multiply-with-carry generator from its own first state, so that points come in the order that Python sees.
 * @returns {(count: number) => number} the next number below a count
 */
function drawnBelow() {
  let [low, carry] = [0xffffffffn, 0xffffffffn];
  return (count) => {
    const next = low * 4164903690n + carry;
    low = next & 0xffffffffn;
    carry = next >> 32n;
    return Number(low) % count;
  };
}

/**
 * The long straight lines of a mask by the progressive probabilistic Hough transform (Matas, Galambos, Kittler, CVIU 78, 2000):
 * points vote one by one for the lines through them, and what lies on a line with enough votes is taken out.
 * @param {Mask} mask
 * @param {number} votes
 * @param {number} least the length of a line
 * @param {number} gap pixels of paper that a line may skip
 * @returns {[Point, Point][]}
 */
export function longLines(mask, votes, least, gap) {
  const { rows, columns } = mask;
  const left = Uint8Array.from(mask.values);
  const points = /** @type {Point[]} */ ([]);
  left.forEach((ink, at) => ink && points.push([at % columns, Math.floor(at / columns)]));
  const table = new VoteTable(rows, columns);
  const draw = drawnBelow();
  const found = /** @type {[Point, Point][]} */ ([]);
  for (let count = points.length; count > 0; count--) {
    const at = draw(count);
    const point = points[at];
    points[at] = points[count - 1];
    if (!left[point[1] * columns + point[0]]) continue;
    const [most, angle] = table.vote(point, 1);
    if (most < votes) continue;
    const ways = table.waysAlong(angle, point).map((way) => walked(way, left, rows, columns, gap));
    const [[one], [other]] = ways;
    const good = Math.abs(other[0] - one[0]) >= least || Math.abs(other[1] - one[1]) >= least;
    for (const [, marked] of ways) {
      for (const place of marked) {
        // Both ways begin at the same point, which is taken out once.
        if (good && left[place]) table.vote([place % columns, Math.floor(place / columns)], -1);
        left[place] = 0;
      }
    }
    if (good) found.push([one, other]);
  }
  return found;
}

/** The votes for each angle and distance from the origin, in single precision as OpenCV counts them. */
class VoteTable {
  /**
   * @param {number} rows
   * @param {number} columns
   */
  constructor(rows, columns) {
    this.width = 2 * (rows + columns) + 1;
    // Two bytes are enough for the points on a line of 1,600 pixels, and the table is what takes the time.
    this.votes = new Int16Array(ANGLES * this.width);
    const step = Math.fround(Math.PI / ANGLES);
    this.cosines = Float32Array.from({ length: ANGLES }, (_, n) => Math.cos(n * step));
    this.sines = Float32Array.from({ length: ANGLES }, (_, n) => Math.sin(n * step));
    // Every point votes 720 times: what each column and each row adds to the distance is multiplied once.
    this.ofColumn = Float32Array.from({ length: columns * ANGLES }, (_, at) => Math.floor(at / ANGLES) * this.cosines[at % ANGLES]);
    this.ofRow = Float32Array.from({ length: rows * ANGLES }, (_, at) => Math.floor(at / ANGLES) * this.sines[at % ANGLES]);
  }

  /**
   * Count a point; return the most votes of a line through it, and the first angle that has them.
   * @param {Point} point
   * @param {number} by 1, or -1 to take the point's votes back
   * @returns {[number, number]}
   */
  vote([x, y], by) {
    const { votes, width, ofColumn, ofRow } = this;
    const [fromX, fromY, middle] = [x * ANGLES, y * ANGLES, (width - 1) >> 1];
    let [most, best] = [0, 0];
    for (let angle = 0; angle < ANGLES; angle++) {
      const now = (votes[angle * width + middle + even(Math.fround(ofColumn[fromX + angle] + ofRow[fromY + angle]))] += by);
      if (now > most) {
        most = now;
        best = angle;
      }
    }
    return [most, best];
  }

  /**
   * From a point both ways along the line of an angle: where it is after so many steps, in 65,536ths across the line.
   * @param {number} angle
   * @param {Point} point
   * @returns {((step: number) => Point)[]}
   */
  waysAlong(angle, [x, y]) {
    const [a, b] = [-this.sines[angle], this.cosines[angle]];
    const lying = Math.abs(a) > Math.abs(b);
    const forward = (lying ? a : b) > 0 ? 1 : -1;
    const aside = even(((lying ? b : a) * 65536) / Math.abs(lying ? a : b));
    const [along, across] = lying ? [x, y] : [y, x];
    return [1, -1].map((way) => (step) => {
      const main = along + way * forward * step;
      const off = Math.floor((across * 65536 + 32768 + way * aside * step) / 65536);
      return lying ? [main, off] : [off, main];
    });
  }
}

/**
 * Along a way until the picture ends or too much paper lies between: the last point of ink, and the places of all ink up to it.
 * @param {(step: number) => Point} way
 * @param {Uint8Array} left
 * @param {number} rows
 * @param {number} columns
 * @param {number} gap
 * @returns {[Point, number[]]}
 */
function walked(way, left, rows, columns, gap) {
  const marked = [];
  let end = way(0);
  for (let step = 0, empty = 0; ; step++) {
    const [x, y] = way(step);
    if (x < 0 || y < 0 || x >= columns || y >= rows) break;
    if (left[y * columns + x]) {
      empty = 0;
      end = [x, y];
      marked.push(y * columns + x);
    } else if (++empty > gap) break;
  }
  return [end, marked];
}
