// A training from its first values: any step on demand, the error of every step passed.

import { begin, compileStep, next } from "./evaluate.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {{rate: number, errors: number[], diverged: number | null, last: Float64Array}} RateRun */

// Going back then costs fifty steps at most, and a long training keeps one state in fifty.
const KEPT_EVERY = 50;

export class Training {
  /**
   * @param {Graph} graph
   * @param {Record<string, number>} given
   */
  constructor(graph, given) {
    this.graph = graph;
    this.run = compileStep(graph);
    /** @type {Map<number, Float64Array>} values before a step, for every fiftieth */
    this.kept = new Map([[0, begin(graph, given)]]);
    /** @type {number[]} */
    this.errors = [];
    /** @type {{step: number, values: Float64Array} | null} */
    this.last = null;
    this.total = /** @type {number} */ (graph.place.get("E_total"));
  }

  /**
   * Every quantity of a step; row k is the state before update k, as in the workbook.
   * @param {number} step
   * @returns {Float64Array}
   */
  at(step) {
    if (this.last?.step === step) return this.last.values;
    let from = this.last && this.last.step < step ? this.last.step : -1;
    let values = from >= 0 ? /** @type {any} */ (this.last).values : null;
    const near = Math.floor(step / KEPT_EVERY) * KEPT_EVERY;
    for (let mark = near; mark > from; mark -= KEPT_EVERY) {
      const kept = this.kept.get(mark);
      if (kept) {
        from = mark;
        // A copy, as the step is written into it: the kept state is begun from more than once.
        values = this.#finish(mark, Float64Array.from(kept));
        break;
      }
    }
    while (from < step) {
      from += 1;
      const before = next(this.graph, /** @type {Float64Array} */ (values));
      if (from % KEPT_EVERY === 0) this.kept.set(from, Float64Array.from(before));
      values = this.#finish(from, before);
    }
    this.last = { step, values: /** @type {Float64Array} */ (values) };
    return this.last.values;
  }

  /**
   * @param {number} step
   * @param {Float64Array} before
   */
  #finish(step, before) {
    const values = this.run(before);
    this.errors[step] = values[this.total];
    return values;
  }

  /**
   * The first step whose error is not a finite number, among those passed.
   * @returns {number}
   */
  get diverged() {
    return this.errors.findIndex((error) => error !== undefined && !Number.isFinite(error));
  }

  /**
   * A quantity by name.
   * @param {Float64Array} values
   * @param {string} name
   * @returns {number}
   */
  value(values, name) {
    return values[/** @type {number} */ (this.graph.place.get(name))];
  }
}

/**
 * The error by step for several learning rates, each until its error is no longer finite.
 * @param {Graph} graph
 * @param {Record<string, number>} given
 * @param {number[]} rates
 * @param {number} steps
 * @returns {RateRun[]}
 */
export function compareRates(graph, given, rates, steps) {
  // What else a step holds nobody looks at here, and it is computed for each rate and step.
  const run = compileStep(graph, ["E_total", ...graph.successors.values()]);
  const total = /** @type {number} */ (graph.place.get("E_total"));
  return rates.map((rate) => {
    let values = run(begin(graph, { ...given, learning_rate: rate }));
    const errors = [values[total]];
    let diverged = Number.isFinite(errors[0]) ? null : 0;
    for (let step = 1; step <= steps && diverged === null; step++) {
      values = run(next(graph, values));
      errors.push(values[total]);
      if (!Number.isFinite(values[total])) diverged = step;
    }
    return { rate, errors, diverged, last: values };
  });
}

/**
 * The first quantity of a step that is not a finite number, and what it has become; empty where all are finite.
 * @param {Graph} graph
 * @param {Float64Array} values
 * @returns {string}
 */
export function notFinite(graph, values) {
  const at = (/** @type {string} */ name) => values[/** @type {number} */ (graph.place.get(name))];
  const first = graph.operations.find((q) => !Number.isFinite(at(q.name)));
  if (!first) return "";
  const what = Number.isNaN(at(first.name)) ? "is no longer a number (∞ − ∞ or 0 · ∞)" : "is larger than the largest number that can be stored, 1.8·10³⁰⁸";
  return `${first.label}, ${first.meaning}, ${what}`;
}
