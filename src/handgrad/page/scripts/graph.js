// One training step, put together from its parts for the activations, loss, rule and order that are chosen.

import { inSample, undifference, unpackRows } from "./unpack.js";

/** @typedef {import("./unpack.js").Node} Node */
/** @typedef {import("./unpack.js").Quantity} Quantity */

/**
 * @typedef {{activations: string[], loss: string, rule: string, order: string}} Choices
 * @typedef {{
 *   choices: Choices, list: Quantity[], byName: Map<string, Quantity>, place: Map<string, number>,
 *   successors: Map<string, string>, users: Map<string, string[]>, operations: Quantity[],
 * }} Graph
 * @typedef {{rows: Quantity[], parts: [string, number, Record<string, number[]>][],
 *   orders: Record<string, [number, number][]>, node: (shape: number, refs: number[]) => Node,
 *   gaps: (shape: number) => number}} Step
 */

/**
 * The step in every form, from packed data.
 * @param {any} data
 * @returns {Step}
 */
export function readStep(data) {
  const { rows, node, gaps } = unpackRows(data.pool, data.samples);
  const parts = data.step.parts.map((/** @type {any} */ [phase, layer, byKey]) => [
    phase,
    layer,
    Object.fromEntries(
      Object.entries(byKey).map(([key, numbers]) => [key, undifference(/** @type {number[]} */ (numbers))]),
    ),
  ]);
  return { rows, parts, orders: data.step.orders, node, gaps };
}

/**
 * Which form of a part the choices ask for: the key that variants.py wrote it under.
 * @param {string} phase
 * @param {number} layer
 * @param {Choices} choices
 * @returns {string}
 */
function keyOf(phase, layer, choices) {
  const last = choices.activations.length;
  const output = `${choices.activations[last - 1]} ${choices.loss}`;
  if (["settings", "memory", "corrections", "updates"].includes(phase)) return choices.rule;
  if (phase === "errors") return output;
  if (phase === "forward") return layer === last ? output : choices.activations[layer - 1];
  if (phase === "backward") return layer === last ? output : `${choices.activations[layer - 1]} ${choices.order}`;
  return "";
}

/**
 * The names that an expression refers to, each once.
 * @param {Node} node
 * @param {Set<string>} [found]
 * @returns {Set<string>}
 */
export function namesIn(node, found = new Set()) {
  if ("name" in node) found.add(node.name);
  if ("parts" in node) for (const part of node.parts) namesIn(part, found);
  return found;
}

/**
 * The step for these choices.
 * @param {Step} step
 * @param {Choices} choices
 * @returns {Graph}
 */
export function assemble(step, choices) {
  /** @type {Quantity[]} */
  const list = [];
  for (const [number, sample] of step.orders[choices.order]) {
    const [phase, layer, byKey] = step.parts[number];
    for (const row of byKey[keyOf(phase, layer, choices)]) list.push(inSample(step.rows[row], sample));
  }
  const byName = new Map(list.map((q) => [q.name, q]));
  const place = new Map(list.map((q, index) => [q.name, index]));
  const successors = new Map();
  /** @type {Map<string, string[]>} */
  const users = new Map(list.map((q) => [q.name, []]));
  for (const q of list) {
    if (q.of && (q.kind === "updated" || q.kind === "update part")) successors.set(q.of, q.name);
    if (q.expression) for (const name of namesIn(q.expression)) users.get(name)?.push(q.name);
  }
  const operations = list.filter((q) => q.expression);
  return { choices, list, byName, place, successors, users, operations };
}
