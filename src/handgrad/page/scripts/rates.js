// Several learning rates side by side: curves, the last finite error of each, a verdict in words.

import { apart, chart, clamped, path, widthIn } from "./chart.js";
import { html, setText, svg } from "./dom.js";
import { shown, typed } from "./numbers.js";
import { compareRates } from "./training.js";
import { verdictOn } from "./verdicts.js";

/** @typedef {import("./moment.js").Moment} Moment */

const LENGTHS = [20, 100, 500, 1000, 5000];
// Of the first error: on a logarithmic axis an error that has become 0 would want room without end.
const FLOOR = 1e-12;
const SLOWEST = 4e6;
// Room at the right for "η = 0.5".
const NAME_ROOM = 92;
const NAME_HEIGHT = 14;

export class Rates {
  /**
   * @param {Record<string, any>} parts
   * @param {any} app
   */
  constructor(parts, app) {
    this.parts = parts;
    this.app = app;
    this.key = "";
    this.drawn = "";
    /** @type {import("./training.js").RateRun[]} */
    this.runs = [];
    this.timer = 0;
    /** @type {Moment | null} */
    this.moment = null;
    parts.log.addEventListener("change", () => app.store.change({ log: parts.log.checked }));
    parts.length.append(...LENGTHS.map((count) => html("option", { value: String(count) }, `${count} steps`)));
    parts.length.addEventListener("change", () => app.store.change({ rateSteps: Number(parts.length.value) }, "changing the number of steps"));
    this.rows = app.store.state.rates.map((/** @type {number} */ _, /** @type {number} */ at) => this.#row(at));
    parts.rows.append(...this.rows.map((/** @type {any} */ row) => row.root));
  }

  /** @param {number} at */
  #row(at) {
    const input = html("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `learning rate ${at + 1}` });
    const wrong = html("span", { class: "wrong-value", role: "status" });
    const commit = (/** @type {number | null} */ value) => {
      const bad = value === null || value <= 0;
      setText(wrong, bad ? "a number above 0 is needed" : "");
      if (bad || value === null) return;
      const rates = this.app.store.state.rates.map((/** @type {number} */ one, /** @type {number} */ place) => (place === at ? value : one));
      this.app.store.change({ rates }, `changing learning rate ${at + 1}`);
    };
    input.addEventListener("change", () => commit(typed(input.value)));
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const way = { ArrowUp: 1.1, ArrowDown: 1 / 1.1 }[event.key];
      if (event.key === "Enter") commit(typed(input.value));
      if (!way) return;
      event.preventDefault();
      commit(Number((this.app.store.state.rates[at] * way).toPrecision(3)));
      input.value = shown(this.app.store.state.rates[at], { ...this.app.store.state.format, digits: 6 });
    });
    const use = html("button", { type: "button", class: "small", click: () => this.app.trySetting("learning_rate", this.app.store.state.rates[at], "taking a learning rate") }, "Use");
    const last = html("td", { class: "numeral" });
    const verdict = html("td", { class: "verdict-cell" });
    const key = svg("svg", { viewBox: "0 0 34 10", class: `key s${at}`, "aria-hidden": "true" }, svg("path", { d: "M1 5H33", class: "curve" }));
    const root = html("tr", {}, html("th", { scope: "row" }, key, input, wrong), last, verdict, html("td", {}, use));
    return { root, input, key, last, verdict, use };
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    const { state } = moment;
    const key = JSON.stringify([state.choices, state.given, state.rates, state.rateSteps]);
    this.parts.log.checked = state.log;
    if (!LENGTHS.includes(state.rateSteps) && !this.parts.length.querySelector(`[value="${state.rateSteps}"]`)) {
      this.parts.length.append(html("option", { value: String(state.rateSteps) }, `${state.rateSteps} steps`));
    }
    this.parts.length.value = String(state.rateSteps);
    if (key !== this.key) {
      this.key = key;
      window.clearTimeout(this.timer);
      // A slider moves many times a second: large networks wait until it rests.
      const work = moment.graph.list.length * state.rateSteps * state.rates.length;
      if (work < SLOWEST / 10) this.#compute(moment);
      else this.timer = window.setTimeout(() => this.moment && this.#compute(this.moment), 250);
    } else this.#show(moment);
  }

  /** @param {Moment} moment */
  #compute(moment) {
    const { state, graph } = moment;
    this.runs = compareRates(graph, state.given, state.rates, state.rateSteps);
    this.drawn = "";
    this.#show(moment);
  }

  /** @param {Moment} moment */
  #show(moment) {
    const { state } = moment;
    const key = JSON.stringify([this.key, state.log, state.format, state.step]);
    if (key === this.drawn || !this.runs.length) return;
    this.drawn = key;
    this.runs.forEach((run, at) => {
      const row = this.rows[at];
      if (document.activeElement !== row.input) row.input.value = shown(run.rate, { ...state.format, digits: 6 });
      const finite = lastFinite(run.errors);
      const text = finite < 0 ? "–" : shown(run.errors[finite], state.format, true);
      setText(row.last, finite >= 0 && finite < state.rateSteps ? `${text} (step ${finite})` : text);
      const [outcome, reason] = verdictOn(run, moment, this.app.data);
      row.verdict.replaceChildren(outcome, html("span", { class: "quiet" }, reason));
      row.use.setAttribute("aria-label", `Use learning rate ${shown(run.rate, { ...state.format, digits: 6 })}`);
    });
    this.#draw(moment);
  }

  /** @param {Moment} moment */
  #draw(moment) {
    const { state } = moment;
    const first = Number.isFinite(this.runs[0].errors[0]) ? this.runs[0].errors[0] : 1;
    const all = this.runs.flatMap((run) => run.errors.filter((error) => Number.isFinite(error)));
    const most = all.reduce((high, error) => Math.max(high, Math.min(error, 1e300)), 0);
    // What flies off would press all else flat: beyond three times the first error a curve leaves the picture.
    const top = state.log ? Math.min(most, first * 1e6) : Math.min(most, 3 * first);
    const low = state.log ? Math.max(first * FLOOR, all.reduce((least, error) => (error > 0 ? Math.min(least, error) : least), top)) : 0;
    const width = widthIn(this.parts.picture, 720);
    const drawn = chart({
      width, height: Math.max(240, Math.round(width * 0.47)), x: [0, state.rateSteps], y: [low, top > low ? top * (state.log ? 1.3 : 1.04) : low + 1], log: state.log,
      xName: "step", yName: "E_total", format: state.format, room: NAME_ROOM,
      label: `E_total by step for ${this.runs.length} learning rates, ${state.log ? "logarithmic" : "linear"} axis`,
    });
    const colours = this.#colours();
    colours.forEach((colour, at) => inked(this.rows[at].key, colour));
    this.runs.forEach((run, at) => {
      const points = run.errors.map((error, step) => /** @type {[number, number]} */ ([step, error]));
      drawn.plot.append(inked(svg("path", { d: path(drawn, points, state.log), class: `curve s${at}` }), colours[at]));
      const finite = lastFinite(run.errors);
      if (run.diverged !== null && finite >= 0) {
        const cy = Math.max(12, drawn.y(Math.min(run.errors[finite], top)));
        drawn.plot.append(inked(svg("circle", { cx: drawn.x(finite), cy, r: 4, class: `mark s${at}` }), colours[at]));
      }
    });
    this.#names(drawn, colours, [low, top], state);
    if (state.step && state.step <= state.rateSteps) {
      drawn.plot.append(svg("line", { class: "here-line", x1: drawn.x(state.step), x2: drawn.x(state.step), y1: 0, y2: 400 }));
    }
    this.parts.picture.replaceChildren(drawn.root);
  }

  /** The colour of each run by the size of its rate, the smallest darkest: the colours of the workbook and the pictures. */
  #colours() {
    const order = this.runs.map((_, at) => at).toSorted((one, two) => this.runs[one].rate - this.runs[two].rate || one - two);
    return this.runs.map((_, at) => this.app.data.rateColours[order.indexOf(at)]);
  }

  /**
   * Write beside the end of each line its rate, and join the two; names that would cover each other move apart.
   * @param {import("./chart.js").Chart} drawn
   * @param {string[]} colours
   * @param {[number, number]} range
   * @param {import("./state.js").State} state
   */
  #names(drawn, colours, [low, top], state) {
    const ends = this.runs.map((run) => {
      const error = run.errors[state.rateSteps];
      return clamped(drawn.y(Number.isFinite(error) ? Math.max(low, Math.min(error, top)) : top));
    });
    const x = drawn.x(state.rateSteps);
    const places = apart(ends, NAME_HEIGHT, drawn.y(top), drawn.y(low));
    this.runs.forEach((run, at) => {
      drawn.root.append(
        inked(svg("path", { d: `M${x} ${ends[at].toFixed(1)}L${x + 14} ${places[at].toFixed(1)}`, class: "leader" }), colours[at]),
        svg("text", { x: x + 18, y: places[at] + 4, class: "end-name" }, `η = ${shown(run.rate, { ...state.format, digits: 4 })}`),
      );
    });
  }
}

/**
 * @param {any} shape
 * @param {string} colour
 */
function inked(shape, colour) {
  shape.style.color = colour;
  return shape;
}

/** @param {number[]} errors */
function lastFinite(errors) {
  for (let step = errors.length - 1; step >= 0; step--) if (Number.isFinite(errors[step])) return step;
  return -1;
}
