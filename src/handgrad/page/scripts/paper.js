// From grey bytes to ink: what photograph/paper.py does, so that a dropped picture is read as `handgrad predict` reads it.

import { resampled } from "./prepare.js";
import { blurred, closedByDisc, even, medianOf, medianOfNine, quantile, smaller } from "./raster.js";

/** @typedef {import("./prepare.js").Grey} Grey */
/** @typedef {{ink: Grey, mask: Uint8Array, polarity: "dark" | "light"}} Ink */

const BORDER = 0.06;
const STROKES = [1.5, 3, 6];
const SMALL = 160;
const WIDEST = 0.25;
const FAINT = 0.08;
const OF_FULL = 0.4;

/**
 * The ink on a picture of grey bytes, null where nothing stands out from the paper.
 * @param {Grey} grey
 * @returns {Ink | null}
 */
export function inkOf(grey) {
  const { rows, columns } = grey;
  const polarity = polarityOf(grey);
  const dark = polarity === "dark" ? grey.values : grey.values.map((value) => 255 - value);
  const paper = paperOf({ values: dark, rows, columns }).values;
  const contrast = dark.map((value, at) => 1 - Math.max(0, Math.min(1, value / Math.max(paper[at], 1))));
  const noise = noiseOf(contrast);
  const level = fullInk(contrast, noise);
  if (level === null) return null;
  const threshold = Math.max(OF_FULL * level, 4 * noise);
  if (threshold >= level) return null;
  // What lies below half the threshold is paper; between it and full ink the edge stays soft.
  const floor = Math.min(threshold / 2, 2 * noise);
  const values = contrast.map((value) => Math.floor(Math.max(0, Math.min(1, (value - floor) / Math.max(level - floor, 1e-6))) * 255 + 0.5));
  return { ink: { values, rows, columns }, mask: Uint8Array.from(contrast, (value) => Number(value > threshold)), polarity };
}

/**
 * Whether the strokes are darker or lighter than the ground: the border shows the ground, and where it is uneven, thin things do.
 * @param {Grey} grey
 * @returns {"dark" | "light"}
 */
function polarityOf(grey) {
  const [plane, uneven] = planeThroughBorder(grey);
  const away = grey.values.map((value, at) => value - plane(Math.floor(at / grey.columns), at % grey.columns));
  const full = quantile(away.map(Math.abs).toSorted(), 0.995);
  if (uneven > 0.25 * full) return polarityOfThinThings(grey);
  let [darker, lighter] = [0, 0];
  for (const value of away) {
    if (value < -0.4 * full) darker -= value;
    else if (value > 0.4 * full) lighter += value;
  }
  return darker >= lighter ? "dark" : "light";
}

/**
 * Each pixel less the mean of its surroundings, cubed and summed: a thin dark line gives a few strongly negative numbers.
 * @param {Grey} grey
 * @returns {"dark" | "light"}
 */
function polarityOfThinThings(grey) {
  const factor = Math.min(1, (2 * SMALL) / Math.max(grey.rows, grey.columns));
  const [rows, columns] = [grey.rows, grey.columns].map((side) => Math.max(1, even(side * factor)));
  const logs = { values: smaller(grey, rows, columns).values.map((value) => Math.log(value + 16)), rows, columns };
  let skew = 0;
  for (const stroke of STROKES) {
    const [near, far] = [blurred(logs, stroke).values, blurred(logs, 2.5 * stroke).values];
    for (let at = 0; at < near.length; at++) skew += (near[at] - far[at]) ** 3;
  }
  return skew <= 0 ? "dark" : "light";
}

/**
 * The plane of brightness that fits the border best, and how far the border lies from it (the 90 % point); fitted twice, the
 * second time without what is far from the first.
 * @param {Grey} grey
 * @returns {[(row: number, column: number) => number, number]}
 */
function planeThroughBorder({ values, rows, columns }) {
  const wide = Math.max(1, even(BORDER * Math.min(rows, columns)));
  const border = /** @type {[number, number, number][]} */ ([]);
  values.forEach((value, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    if (row < wide || column < wide || row >= rows - wide || column >= columns - wide) border.push([row / rows, column / columns, value]);
  });
  let kept = border;
  let [a, b, c] = [0, 0, 0];
  let apart = new Float64Array(border.length);
  for (let round = 0; round < 2; round++) {
    [a, b, c] = leastSquares(kept);
    apart = Float64Array.from(border, ([y, x, value]) => Math.abs(a + b * y + c * x - value));
    const most = Math.max(3 * medianOf(apart), 1);
    kept = border.filter((_, at) => apart[at] <= most);
  }
  return [(row, column) => a + (b * row) / rows + (c * column) / columns, quantile(apart.toSorted(), 0.9)];
}

/**
 * The numbers a, b, c for which a + b·y + c·x is nearest to the values: normal equations, measured from the middle.
 * @param {[number, number, number][]} points
 * @returns {[number, number, number]}
 */
function leastSquares(points) {
  const mean = [0, 1, 2].map((part) => points.reduce((sum, point) => sum + point[part], 0) / points.length);
  let [yy, xx, xy, yv, xv] = [0, 0, 0, 0, 0];
  for (const [py, px, pv] of points) {
    const [y, x, v] = [py - mean[0], px - mean[1], pv - mean[2]];
    yy += y * y;
    xx += x * x;
    xy += x * y;
    yv += y * v;
    xv += x * v;
  }
  const determinant = yy * xx - xy * xy;
  // Points on one line leave the slope across it open: then none.
  const flat = determinant <= 1e-12 * yy * xx || !determinant;
  const b = flat ? 0 : (yv * xx - xv * xy) / determinant;
  const c = flat ? 0 : (xv * yy - yv * xy) / determinant;
  return [mean[2] - b * mean[0] - c * mean[1], b, c];
}

/**
 * The brightness of the paper under dark writing: strokes filled from beside, then blurred.
 * @param {Grey} dark
 * @returns {Grey}
 */
function paperOf(dark) {
  const factor = Math.min(1, SMALL / Math.max(dark.rows, dark.columns));
  const [rows, columns] = [dark.rows, dark.columns].map((side) => Math.max(1, even(side * factor)));
  const reduced = smaller(dark, rows, columns);
  const clean = Math.min(rows, columns) > 60 ? medianOfNine(reduced) : reduced;
  const longer = Math.max(rows, columns);
  const filled = closedByDisc(clean, Math.max(3, even(WIDEST * longer)) | 1);
  return resampled(blurred(filled, longer / 30), dark.rows, dark.columns);
}

/**
 * The spread of the paper's own contrast, by the median: ink is the smaller part.
 * @param {Float64Array} contrast
 */
function noiseOf(contrast) {
  const middle = medianOf(contrast);
  return 1.4826 * medianOf(contrast.map((value) => Math.abs(value - middle)));
}

/**
 * The contrast of full ink, null where nothing has enough.
 * @param {Float64Array} contrast
 * @param {number} noise
 * @returns {number | null}
 */
function fullInk(contrast, noise) {
  const out = contrast.filter((value) => value > Math.max(FAINT, 5 * noise)).toSorted();
  if (out.length < Math.max(4, 1e-5 * contrast.length)) return null;
  const middle = (out[0] + quantile(out, 0.99)) / 2;
  const upper = out.filter((value) => value > middle);
  return upper.length ? quantile(upper, 0.5) : out[out.length - 1];
}
