// The digits on a dropped picture: what photograph/find.py and digits.py do, with the same numbers.

import { inkOf } from "./paper.js";
import { fitted } from "./prepare.js";
import { medianOf } from "./raster.js";
import { withoutRules } from "./rules.js";

/** @typedef {import("./prepare.js").Grey} Grey */
/** @typedef {[number, number, number, number]} Box  top, left, bottom, right */
/** @typedef {{box: Box, image: Uint8Array, width: number, changedTo: number | null}} Seen */
/** @typedef {{box: Box, members: number[]}} Group */

const MOST_DIGITS = 60;
const ONE_DIGIT = 40;
const MOST_COVERED = 0.45;
const FILLED = 0.42;

const high = (/** @type {Box} */ box) => box[2] - box[0];
const broad = (/** @type {Box} */ box) => box[3] - box[1];

/**
 * The digits on a picture of grey bytes, line by line and from left to right, or why there are none.
 * @param {Grey} grey
 * @returns {{digits: Seen[], reason: string}}
 */
export function seen(grey) {
  const none = (/** @type {string} */ reason) => ({ digits: [], reason });
  if (Math.min(grey.rows, grey.columns) < 8) return none(`${grey.columns}×${grey.rows} pixels hold no digit`);
  const ink = inkOf(grey);
  if (!ink) return none("it is empty: nothing stands out from the paper");
  const found = findDigits(ink);
  if (typeof found === "string") return none(found);
  const digits = found.flatMap((each) => {
    const made = fitted(each.ink, broad(each.wide));
    // A mark as wide as that is a blot, not strokes.
    return made && made.width <= FILLED * 20 ? [{ box: each.box, ...made }] : [];
  });
  return { digits, reason: digits.length ? "" : "its marks are blots, not strokes" };
}

/**
 * @param {import("./paper.js").Ink} found
 * @returns {{box: Box, wide: Box, ink: Uint8Array}[] | string}
 */
function findDigits({ ink, mask }) {
  const { rows, columns } = ink;
  const clean = withoutRules({ values: mask, rows, columns });
  if (clean.values.reduce((sum, mark) => sum + mark, 0) / clean.values.length > MOST_COVERED) return "most of it is ink: this is not writing on paper";
  const { labels, boxes, sizes } = components(clean);
  const kept = withoutSpecks(boxes, sizes);
  if (!kept.length) return "there is no ink on it";
  const groups = Math.max(rows, columns) <= ONE_DIGIT ? [kept] : joinedParts(kept, boxes);
  if (groups.length > MOST_DIGITS) return `${groups.length} marks on it: a text or a pattern, no digits`;
  const ordered = inReadingOrder(groups.map((members) => ({ box: boxAround(members.map((n) => boxes[n])), members })));
  return ordered.map(({ box, members }) => {
    const wide = /** @type {Box} */ ([Math.max(0, box[0] - 2), Math.max(0, box[1] - 2), Math.min(rows, box[2] + 2), Math.min(columns, box[3] + 2)]);
    return { box, wide, ink: cutOut(ink, labels, wide, new Set(members)) };
  });
}

/**
 * The number of the connected part each pixel belongs to (-1: none), and box and size of each part. Parts are numbered by the
 * first square of 2×2 pixels that they touch, as OpenCV does: the order decides which boxes are joined first.
 * @param {import("./rules.js").Mask} mask
 */
function components({ values, rows, columns }) {
  const labels = new Int32Array(values.length).fill(-1);
  const boxes = /** @type {Box[]} */ ([]);
  const sizes = /** @type {number[]} */ ([]);
  const fill = (/** @type {number} */ from) => {
    const number = boxes.length;
    const box = /** @type {Box} */ ([rows, columns, 0, 0]);
    const open = [from];
    let size = 0;
    labels[from] = number;
    while (open.length) {
      const at = /** @type {number} */ (open.pop());
      const [row, column] = [Math.floor(at / columns), at % columns];
      size += 1;
      box[0] = Math.min(box[0], row);
      box[1] = Math.min(box[1], column);
      box[2] = Math.max(box[2], row + 1);
      box[3] = Math.max(box[3], column + 1);
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
          const next = y * columns + x;
          if (!values[next] || labels[next] >= 0) continue;
          labels[next] = number;
          open.push(next);
        }
      }
    }
    boxes.push(box);
    sizes.push(size);
  };
  for (let top = 0; top < rows; top += 2) {
    for (let left = 0; left < columns; left += 2) {
      for (const [row, column] of [[top, left], [top, left + 1], [top + 1, left], [top + 1, left + 1]]) {
        const at = row * columns + column;
        if (row < rows && column < columns && values[at] && labels[at] < 0) fill(at);
      }
    }
  }
  return { labels, boxes, sizes };
}

/**
 * The parts that are not specks: not small beside the largest, in area and in height.
 * @param {Box[]} boxes
 * @param {number[]} sizes
 */
function withoutSpecks(boxes, sizes) {
  const tallest = boxes.reduce((most, box) => Math.max(most, high(box)), 0);
  const least = Math.max(6, Math.floor(sizes.reduce((most, size) => Math.max(most, size), 0) / 40));
  return boxes.map((_, n) => n).filter((n) => sizes[n] >= least && Math.max(high(boxes[n]), broad(boxes[n])) >= 0.12 * tallest);
}

/**
 * The parts in groups, one a digit: the bar of a 5 stands over, or close to, its body.
 * @param {number[]} kept
 * @param {Box[]} boxes
 * @returns {number[][]}
 */
function joinedParts(kept, boxes) {
  const groups = kept.map((n) => [n]);
  const heights = kept.map((n) => high(boxes[n]));
  const tallest = heights.reduce((most, one) => Math.max(most, one), 0);
  const usual = medianOf(heights.filter((one) => one >= 0.5 * tallest));
  const around = (/** @type {number} */ at) => boxAround(groups[at].map((n) => boxes[n]));
  for (let first = 0, second = 1; first < groups.length; ) {
    if (second >= groups.length) {
      first += 1;
      second = first + 1;
    } else if (belongTogether(around(first), around(second), usual)) {
      groups[first].push(...groups.splice(second, 1)[0]);
      // A larger group may now reach parts that were passed: from the beginning.
      [first, second] = [0, 1];
    } else second += 1;
  }
  return groups;
}

/**
 * @param {Box} one
 * @param {Box} other
 * @param {number} usual the usual height of digits on this picture
 */
function belongTogether(one, other, usual) {
  const both = boxAround([one, other]);
  const lower = Math.min(high(one), high(other));
  const across = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  const apart = Math.max(one[0], other[0]) - Math.min(one[2], other[2]);
  if (apart < 0 && across > 0 && lower < 0.75 * high(both)) {
    return -apart * across >= 0.08 * Math.min(high(one) * broad(one), high(other) * broad(other));
  }
  const over = across >= 0.4 * Math.min(broad(one), broad(other)) && apart <= 0.3 * usual;
  const near = lower < 0.55 * usual && -across <= 0.15 * usual && apart <= 0.12 * usual;
  return (over || near) && high(both) <= 1.45 * usual;
}

/**
 * Line by line: what overlaps by half its height with a line belongs to it.
 * @param {Group[]} found
 * @returns {Group[]}
 */
function inReadingOrder(found) {
  const lines = /** @type {Group[][]} */ ([]);
  for (const each of found.toSorted((a, b) => a.box[0] - b.box[0])) {
    const { box } = each;
    const own = lines.find((line) => {
      const [top, , bottom] = boxAround(line.map((one) => one.box));
      return Math.min(bottom, box[2]) - Math.max(top, box[0]) >= 0.5 * Math.min(high(box), bottom - top);
    });
    if (own) own.push(each);
    else lines.push([each]);
  }
  return lines.flatMap((line) => line.toSorted((a, b) => a.box[1] - b.box[1]));
}

/**
 * The ink in a box that belongs to some parts, with the soft edge of two pixels round them; the neighbours' ink is 0.
 * @param {Grey} ink
 * @param {Int32Array} labels
 * @param {Box} box
 * @param {Set<number>} members
 */
function cutOut(ink, labels, [top, left, bottom, right], members) {
  const [rows, columns] = [bottom - top, right - left];
  return Uint8Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [top + Math.floor(at / columns), left + (at % columns)];
    for (let y = Math.max(top, row - 2); y <= Math.min(bottom - 1, row + 2); y++) {
      for (let x = Math.max(left, column - 2); x <= Math.min(right - 1, column + 2); x++) {
        if (members.has(labels[y * ink.columns + x])) return ink.values[row * ink.columns + column];
      }
    }
    return 0;
  });
}

/**
 * @param {Box[]} boxes
 * @returns {Box}
 */
function boxAround(boxes) {
  const [top, left, bottom, right] = [0, 1, 2, 3].map((side) => boxes.map((box) => box[side]));
  return [Math.min(...top), Math.min(...left), Math.max(...bottom), Math.max(...right)];
}
