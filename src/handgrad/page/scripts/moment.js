// Everything that the views show at a moment, derived from the state: values, what is done, what is lit, what is hidden.

import { assemble, namesIn } from "./graph.js";
import { shown } from "./numbers.js";
import { Training } from "./training.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./unpack.js").Quantity} Quantity */
/** @typedef {import("./state.js").State} State */

export const UNKNOWN = "?";
export const NOT_YET = "·";

/** @type {Record<string, string>} */
const PHASES = {
  "pre-activation": "Forward", "softmax part": "Forward", activation: "Forward",
  error: "Error", "sample error": "Error", total: "Error",
  "error slope": "Backward", "activation slope": "Backward", delta: "Backward",
  gradient: "Gradients", "update part": "Update", updated: "Update",
};

/**
 * Which part of a step a quantity belongs to.
 * @param {Quantity} q
 * @returns {string}
 */
export function phaseOf(q) {
  return PHASES[q.kind] || "Given";
}

export class Moments {
  /**
   * @param {any} data
   * @param {import("./graph.js").Step} step
   */
  constructor(data, step) {
    this.data = data;
    this.step = step;
    /** @type {Map<string, Graph>} */
    this.graphs = new Map();
    this.key = "";
    /** @type {Training | null} */
    this.training = null;
    /** @type {Set<string>} answers found or shown, as "step name" */
    this.revealed = new Set();
    /** @type {Map<string, number>} what values were before the last change */
    this.was = new Map();
    /** @type {Moment | null} */
    this.last = null;
  }

  /**
   * @param {import("./graph.js").Choices} choices
   * @returns {Graph}
   */
  graph(choices) {
    // A graph for each choice that was made: undo and redo put none together again.
    const key = JSON.stringify(choices);
    let graph = this.graphs.get(key);
    if (!graph) {
      graph = assemble(this.step, choices);
      this.graphs.set(key, graph);
    }
    return graph;
  }

  /**
   * @param {State} state
   * @param {State} before
   * @returns {Moment}
   */
  of(state, before) {
    const graph = this.graph(state.choices);
    const key = JSON.stringify([state.choices, state.given]);
    if (key !== this.key || !this.training) {
      this.training = new Training(graph, state.given);
      this.key = key;
    }
    const moment = new Moment(this, state, graph, this.training);
    const edited = state.given !== before.given || state.choices !== before.choices;
    if (edited && this.last) this.was = new Map(this.last.graph.list.map((q, at) => [q.name, this.last?.values[at] ?? 0]));
    else if (state !== before && state.format === before.format) this.was = new Map();
    this.last = moment;
    return moment;
  }
}

export class Moment {
  /**
   * @param {Moments} all
   * @param {State} state
   * @param {Graph} graph
   * @param {Training} training
   */
  constructor(all, state, graph, training) {
    this.all = all;
    this.state = state;
    this.graph = graph;
    this.training = training;
    this.values = training.at(state.step);
    this.done = Math.min(state.done, graph.operations.length);
    /** @type {Quantity | null} the operation that was just done */
    this.current = this.done ? graph.operations[this.done - 1] : null;
    /** @type {Quantity | null} what is being looked at */
    this.focus = (state.selected && graph.byName.get(state.selected)) || this.current;
    this.order = orderOf(graph);
    this.sample = this.focus?.sample || this.current?.sample || 1;
    this.sources = new Set(this.focus?.expression ? namesIn(this.focus.expression) : []);
  }

  /**
   * @param {string} name
   * @returns {number}
   */
  value(name) {
    return this.values[/** @type {number} */ (this.graph.place.get(name))];
  }

  /**
   * Whether a quantity is known at this point of the step.
   * @param {string} name
   */
  isDone(name) {
    const at = this.order.get(name);
    return at === undefined || at < this.done;
  }

  /**
   * Whether a value is kept back until it is predicted.
   * @param {string} name
   */
  isHidden(name) {
    const at = this.order.get(name);
    if (at === undefined || this.all.revealed.has(`${this.state.step} ${name}`)) return false;
    return this.state.hidden.includes(name) || (this.state.predict && at >= this.done - 1);
  }

  /**
   * A value as it may be shown.
   * @param {string} name
   * @param {boolean} [padded]
   * @param {number} [digits] other than those that were chosen
   */
  text(name, padded = false, digits = this.state.format.digits) {
    if (this.isHidden(name)) return this.isDone(name) ? UNKNOWN : NOT_YET;
    // What was typed is shown as typed; what is computed keeps its zeros, so that columns line up.
    const kind = this.graph.byName.get(name)?.kind || "";
    const asTyped = /^(setting|input|target|memory)$/.test(kind) || (/^(weight|bias)$/.test(kind) && this.state.step === 0);
    return shown(this.value(name), { ...this.state.format, digits }, padded && !asTyped);
  }

  /**
   * What a value was before the last change, where it shows another number now; empty otherwise.
   * @param {string} name
   */
  before(name) {
    const was = this.all.was.get(name);
    if (was === undefined || this.isHidden(name)) return "";
    const text = shown(was, this.state.format, true);
    return text === shown(this.value(name), this.state.format, true) ? "" : text;
  }

  /**
   * The quantity of a kind at a place.
   * @param {string} kind
   * @param {{layer?: number, unit?: number, source?: number, sample?: number}} place
   * @returns {Quantity | undefined}
   */
  find(kind, place) {
    return placesOf(this.graph).get(
      [kind, place.layer || 0, place.unit || 0, place.source || 0, place.sample || 0].join(" "),
    );
  }
}

/** @type {WeakMap<Graph, Map<string, number>>} */
const orders = new WeakMap();
/** @type {WeakMap<Graph, Map<string, Quantity>>} */
const places = new WeakMap();

/**
 * The number of each operation in its step.
 * @param {Graph} graph
 */
function orderOf(graph) {
  let order = orders.get(graph);
  if (!order) {
    order = new Map(graph.operations.map((q, at) => [q.name, at]));
    orders.set(graph, order);
  }
  return order;
}

/** @param {Graph} graph */
function placesOf(graph) {
  let found = places.get(graph);
  if (!found) {
    found = new Map(graph.list.map((q) => [[q.kind, q.layer, q.unit, q.source, q.sample].join(" "), q]));
    places.set(graph, found);
  }
  return found;
}
