// Small charts: axes with round numbers, lines, points.

import { svg } from "./dom.js";
import { shown } from "./numbers.js";

/**
 * @typedef {{
 *   width: number, height: number, x: [number, number], y: [number, number], log?: boolean,
 *   xName: string, yName: string, format: import("./numbers.js").Format, label: string, ticks?: number, room?: number,
 * }} ChartOptions
 * @typedef {{root: any, plot: any, x: (value: number) => number, y: (value: number) => number}} Chart
 */

const MARGIN = { left: 58, right: 14, top: 26, bottom: 34 };
let clips = 0;

/**
 * Round numbers from low to high.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 * @returns {number[]}
 */
export function ticks(low, high, count = 5) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) || power;
  const found = [];
  for (let number = Math.ceil(low / unit - 1e-9); number * unit <= high + unit * 1e-9; number++) {
    found.push(Number((number * unit).toPrecision(12)));
  }
  return found;
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
function powers(low, high) {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((to - from) / 6));
  const found = [];
  for (let power = from; power <= to; power += every) found.push(10 ** power);
  return found;
}

/**
 * How wide to draw in a box, so that letters keep their size on a phone.
 * @param {Element} box
 * @param {number} most
 */
export function widthIn(box, most) {
  return Math.max(300, Math.min(most, box.clientWidth || most));
}

/**
 * An empty chart; draw into `plot`, which cuts off what leaves it.
 * @param {ChartOptions} options
 * @returns {Chart}
 */
export function chart(options) {
  const { width, height, log, format } = options;
  const [left, right, top, bottom] = [MARGIN.left, width - (options.room ?? MARGIN.right), MARGIN.top, height - MARGIN.bottom];
  const [x0, x1] = options.x;
  const x = (/** @type {number} */ value) => left + ((value - x0) / (x1 - x0 || 1)) * (right - left);
  const scale = log ? Math.log10 : (/** @type {number} */ value) => value;
  const [y0, y1] = options.y.map(scale);
  const y = (/** @type {number} */ value) => bottom - ((scale(value) - y0) / (y1 - y0 || 1)) * (bottom - top);
  const id = `clip${++clips}`;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.label });
  root.append(svg("clipPath", { id }, svg("rect", { x: left - 7, y: top - 7, width: right - left + 14, height: bottom - top + 14 })));
  for (const tick of log ? powers(...options.y) : ticks(options.y[0], options.y[1])) {
    root.append(
      svg("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, shown(tick, { ...format, digits: 6 })),
    );
  }
  for (const tick of ticks(x0, x1, options.ticks || 6)) {
    root.append(
      svg("text", { x: x(tick), y: bottom + 17, "text-anchor": "middle" }, shown(tick, { ...format, digits: 6 })),
    );
  }
  const plot = svg("g", { "clip-path": `url(#${id})` });
  root.append(
    svg("line", { class: "base", x1: left, x2: right, y1: bottom, y2: bottom }),
    svg("text", { x: right, y: bottom + 31, "text-anchor": "end" }, options.xName),
    svg("text", { x: 4, y: top - 14, class: "axis-name" }, options.yName),
    plot,
  );
  return { root, plot, x, y };
}

/**
 * A path through points; what is not finite, or not above 0 on a logarithmic axis, breaks it.
 * @param {Chart} drawn
 * @param {[number, number][]} points
 * @param {boolean} [log]
 * @returns {string}
 */
export function path(drawn, points, log = false) {
  let pen = "M";
  let text = "";
  for (const [x, y] of points) {
    if (!Number.isFinite(y) || (log && y <= 0)) {
      pen = "M";
      continue;
    }
    text += `${pen}${clamped(drawn.x(x)).toFixed(1)} ${clamped(drawn.y(y)).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

/**
 * Where names of this height may stand beside each other's: as near to where they belong as leaves each its room, in the
 * order of the places, none below the bottom or above the top.
 * @param {number[]} places
 * @param {number} height
 * @param {number} top
 * @param {number} bottom
 * @returns {number[]}
 */
export function apart(places, height, top, bottom) {
  const order = places.map((_, at) => at).toSorted((one, two) => places[one] - places[two] || one - two);
  const found = [...places];
  let free = top;
  order.forEach((at) => {
    found[at] = Math.max(places[at], free);
    free = found[at] + height;
  });
  order.forEach((at, rank) => (found[at] = Math.min(found[at], bottom - (order.length - 1 - rank) * height)));
  return found;
}

/**
 * SVG takes no numbers of forty digits; what is so far outside is cut off anyway.
 * @param {number} place
 */
export function clamped(place) {
  return Math.max(-1e5, Math.min(1e5, place));
}
