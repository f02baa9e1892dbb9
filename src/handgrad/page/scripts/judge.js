// Whether a predicted value is right, and which mistake it looks like: the rules of the exercise, with its own numbers.

import { compiled } from "./evaluate.js";
import { filled, moved, movedNode, Stream, undifference } from "./unpack.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./unpack.js").Node} Node */
/** @typedef {{verdict: "right" | "not yet", words: string}} Judgement */
/** @typedef {{words: string, expression: Node}} Mistake */

export class Catalogue {
  /**
   * @param {any} data
   * @param {import("./graph.js").Step} step
   */
  constructor(data, step) {
    const { mistakes } = data;
    const [kinds, forms, shapes] = mistakes.rows.map(undifference);
    const names = new Stream(mistakes.numbers);
    const refs = new Stream(mistakes.refs);
    /** @type {Mistake[]} */
    this.all = kinds.map((/** @type {number} */ kind, /** @type {number} */ at) => {
      const form = mistakes.forms[forms[at]];
      const numbers = names.next(forms[at], form.split("#").length - 1);
      const expression = step.node(shapes[at], refs.next(shapes[at], step.gaps(shapes[at])));
      return { words: `${mistakes.kinds[kind]}: ${filled(form, numbers)}`, expression };
    });
    this.by = mistakes.by;
    this.samples = data.samples;
  }

  /** Whether there are any: a large network has none, to keep its page small. */
  get empty() {
    return !this.all.length;
  }

  /**
   * The mistakes in a quantity, the likelier first.
   * @param {import("./unpack.js").Quantity} q
   * @param {Graph} graph
   * @returns {Mistake[]}
   */
  of(q, graph) {
    const { activations, loss } = graph.choices;
    const layer = q.layer || activations.length;
    const key = `${layer < activations.length ? "hidden " : ""}${activations[layer - 1]} ${loss}`;
    // They were written for the first sample, and stand for all.
    const found = this.by[q.name.replace(/\[\d+\]/g, "[1]")]?.[key];
    return found ? undifference(found).map((number) => inItsSample(this.all[number], q.sample)) : [];
  }
}

/**
 * @param {Mistake} mistake
 * @param {number} sample
 * @returns {Mistake}
 */
function inItsSample(mistake, sample) {
  if (sample <= 1) return mistake;
  return { words: moved(mistake.words, sample), expression: movedNode(mistake.expression, sample) };
}

/**
 * How far an answer may be from a value; what comes after the step must also be known to a part of the change.
 * @param {number} value
 * @param {number | null} base
 * @param {any} rules
 */
export function tolerance(value, base, rules) {
  const share = rules.tolerance * Math.abs(value);
  return base === null ? share : Math.min(share, rules.ofStep * Math.abs(value - base));
}

/**
 * How far from a wrong value an answer still names that mistake.
 * @param {number} mistaken
 * @param {number} value
 * @param {number | null} base
 * @param {any} rules
 */
export function mistakeTolerance(mistaken, value, base, rules) {
  const near = rules.nearMistake * rules.tolerance * Math.abs(mistaken);
  if (base === null) return near;
  const change = Math.max(Math.abs(value - base), Math.abs(mistaken - base));
  return Math.min(near, rules.nearMistake * rules.ofStep * change);
}

/**
 * @param {number} answer
 * @param {import("./unpack.js").Quantity} q
 * @param {import("./moment.js").Moment} moment
 * @param {Catalogue} catalogue
 * @param {any} rules
 * @returns {Judgement}
 */
export function judged(answer, q, moment, catalogue, rules) {
  const value = moment.value(q.name);
  const base = q.kind === "updated" && q.of ? moment.value(q.of) : null;
  if (Math.abs(answer - value) <= tolerance(value, base, rules)) return { verdict: "right", words: "" };
  for (const mistake of catalogue.of(q, moment.graph)) {
    const wrong = compiled(mistake.expression, moment.graph.place)(moment.values);
    if (Math.abs(answer - wrong) <= mistakeTolerance(wrong, value, base, rules)) {
      return { verdict: "not yet", words: mistake.words };
    }
  }
  const near = Math.abs(answer - value) <= rules.nearRight * tolerance(value, base, rules);
  return { verdict: "not yet", words: near ? rules.rounded : "" };
}
