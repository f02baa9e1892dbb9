// A verdict on a learning rate in words: the rules are data from backprop/verdicts.py, which the notes and the workbook follow too.

import { begin, compileStep } from "./evaluate.js";
import { notFinite } from "./training.js";

/** @typedef {import("./training.js").RateRun} RateRun */
/** @typedef {import("./moment.js").Moment} Moment */

/**
 * The numbers that a run is boiled down to, by the names that the rules use.
 * @param {number[]} errors by step, as far as the run went
 * @param {number} rows how many steps were asked for, and one
 * @param {number} flat which layer has lost its slope in the last row
 * @param {any} rules
 * @returns {Record<string, number>}
 */
export function featuresOf(errors, rows, flat, rules) {
  const broken = errors.findIndex((error) => !Number.isFinite(error));
  const kept = broken < 0 ? errors : errors.slice(0, broken);
  const half = Math.max(0, Math.floor((kept.length - 1) / 2));
  const changed = (/** @type {number} */ a, /** @type {number} */ b) => a > b * (1 + rules.slack) + rules.noise;
  const steps = kept.slice(1).map((after, at) => ({ rose: changed(after, kept[at]), fell: changed(kept[at], after) }));
  const count = (/** @type {{rose: boolean, fell: boolean}[]} */ some, /** @type {"rose" | "fell"} */ what) => some.filter((step) => step[what]).length;
  return {
    rows,
    numbers: kept.length,
    first: kept[0] ?? Number.NaN,
    last: kept.at(-1) ?? Number.NaN,
    before: kept.at(-2) ?? kept.at(-1) ?? Number.NaN,
    highest: kept.reduce((high, error) => Math.max(high, error), kept[0] ?? Number.NaN),
    middle: kept[half] ?? Number.NaN,
    rises: count(steps, "rose"),
    falls: count(steps, "fell"),
    steps: Math.max(rows - 1, 0),
    late_rises: count(steps.slice(half), "rose"),
    late_falls: count(steps.slice(half), "fell"),
    late_steps: steps.slice(half).length,
    flat,
  };
}

/**
 * The first outcome whose tests all hold; with what is not a number nothing holds.
 * @param {Record<string, number>} features
 * @param {any} rules
 * @returns {string}
 */
export function outcomeOf(features, rules) {
  const found = rules.rules.find((/** @type {any} */ rule) =>
    rule.tests.every((/** @type {any} */ [left, sign, right, times, plus]) => {
      const [a, b] = [features[left], times * features[right] + plus];
      return sign === ">" ? a > b : sign === ">=" ? a >= b : a <= b;
    }),
  );
  return found.outcome;
}

/**
 * Which layer of a run's last row has lost its slope in every unit and sample, the output layer first.
 * @param {RateRun} run
 * @param {Moment} moment
 * @param {any} rules
 * @returns {number}
 */
function flatLayer(run, moment, rules) {
  const { choices } = moment.state;
  // A loss that meets its activation has no slope of its own to look at; half the squared error shows all slopes.
  const graph = moment.all.graph({ ...choices, loss: rules.plainLoss });
  const given = Object.fromEntries(moment.graph.list.filter((q) => !q.expression).map((q) => [q.name, run.last[/** @type {number} */ (moment.graph.place.get(q.name))]]));
  for (let layer = choices.activations.length; layer > 0; layer--) {
    const activation = choices.activations[layer - 1];
    const steepest = rules.steepest[activation];
    if (steepest === undefined) continue;
    // Of softmax, whose outputs depend on one another, each output's slope for its own pre-activation.
    const own = graph.list.filter((q) => q.kind === "activation slope" && q.layer === layer && (!q.source || q.source === q.unit));
    const values = compileStep(graph, own.map((q) => q.name))(begin(graph, given));
    const slopes = own.map((q) => values[/** @type {number} */ (graph.place.get(q.name))]);
    if (!slopes.every((slope) => Number.isFinite(slope) && slope < rules.flat * steepest)) continue;
    if (layer === choices.activations.length) return rules.kinds.outputs;
    return activation === "relu" ? rules.kinds.dead : rules.kinds.hidden;
  }
  return rules.kinds.none;
}

/**
 * @param {RateRun} run
 * @param {Moment} moment
 * @param {any} data
 * @returns {[string, string]} the outcome, and what it means or why it came so
 */
export function verdictOn(run, moment, data) {
  const rules = data.verdicts;
  const flat = run.diverged === null ? flatLayer(run, moment, rules) : rules.kinds.none;
  // A run that left the finite numbers was not followed further: its rows are those that it would have had.
  const outcome = outcomeOf(featuresOf(run.errors, moment.state.rateSteps + 1, flat, rules), rules);
  if (run.diverged !== null) return [`${outcome} at step ${run.diverged}`, `, because ${notFinite(moment.graph, run.last)}`];
  return [outcome, rules.meaning[outcome] ? `: ${rules.meaning[outcome]}` : ""];
}
