// The evaluator: an expression becomes a function of all values. It knows sums, products, quotients and powers, no calculus.

import { FUNCTIONS } from "./functions.js";
import { namesIn } from "./graph.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./unpack.js").Node} Node */
/** @typedef {(values: Float64Array) => number} Evaluated */

/**
 * @param {Node} node
 * @param {Map<string, number>} place where each name has its value
 * @returns {Evaluated}
 */
export function compiled(node, place) {
  if ("name" in node) {
    const at = place.get(node.name);
    if (at === undefined) throw new Error(`no quantity ${node.name}`);
    return (values) => values[at];
  }
  if ("value" in node) {
    const { value } = node;
    return () => value;
  }
  const parts = node.parts.map((part) => compiled(part, place));
  const [first, second] = parts;
  switch (node.op) {
    case "+":
      return summed(node.parts, place);
    case "*":
      if (parts.length === 2) return (values) => first(values) * second(values);
      return (values) => parts.reduce((product, part) => product * part(values), 1);
    case "-":
      return (values) => -first(values);
    case "/":
      return (values) => first(values) / second(values);
    case "^":
      return power(node.parts, first, second);
  }
  const call = FUNCTIONS[node.op];
  if (parts.length === 1) return (values) => call(first(values));
  return (values) => call(...parts.map((part) => part(values)));
}

/**
 * From left to right, a term with a minus taken off: the order in which Python adds.
 * @param {Node[]} terms
 * @param {Map<string, number>} place
 * @returns {Evaluated}
 */
function summed(terms, place) {
  const first = compiled(terms[0], place);
  const rest = terms.slice(1).map((term) => {
    const minus = "parts" in term && term.op === "-";
    return { sign: minus ? -1 : 1, value: compiled(minus ? term.parts[0] : term, place) };
  });
  return (values) => rest.reduce((sum, term) => sum + term.sign * term.value(values), first(values));
}

/**
 * A square is a product, as in Python: exact where a library's power need not be.
 * @param {Node[]} nodes
 * @param {Evaluated} base
 * @param {Evaluated} exponent
 * @returns {Evaluated}
 */
function power(nodes, base, exponent) {
  const [, node] = nodes;
  if ("value" in node && node.value === 2) {
    return (values) => {
      const value = base(values);
      return value * value;
    };
  }
  return (values) => base(values) ** exponent(values);
}

/**
 * A program that fills in every quantity with an expression, or only what the wanted ones need.
 * @param {Graph} graph
 * @param {string[]} [wanted]
 * @returns {(values: Float64Array) => Float64Array}
 */
export function compileStep(graph, wanted) {
  const needed = wanted && neededFor(graph, wanted);
  const program = graph.operations
    .filter((q) => !needed || needed.has(q.name))
    .map((q) => ({
      at: /** @type {number} */ (graph.place.get(q.name)),
      run: compiled(/** @type {Node} */ (q.expression), graph.place),
    }));
  return (values) => {
    for (const { at, run } of program) values[at] = run(values);
    return values;
  };
}

/**
 * @param {Graph} graph
 * @param {string[]} wanted
 * @returns {Set<string>}
 */
function neededFor(graph, wanted) {
  const needed = new Set();
  const waiting = [...wanted];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const expression = graph.byName.get(name)?.expression;
    if (expression) waiting.push(...namesIn(expression));
  }
  return needed;
}

/**
 * Values of all quantities before a step: what is given, the memory at 0, the rest not a number yet.
 * @param {Graph} graph
 * @param {Record<string, number>} given
 * @returns {Float64Array}
 */
export function begin(graph, given) {
  const values = new Float64Array(graph.list.length).fill(Number.NaN);
  graph.list.forEach((q, at) => {
    if (!q.expression) values[at] = given[q.name] ?? 0;
  });
  return values;
}

/**
 * The values before the next step: new weights and memory take the place of the old.
 * @param {Graph} graph
 * @param {Float64Array} values after a step
 * @returns {Float64Array}
 */
export function next(graph, values) {
  // A copy: the step before may be shown still, or kept to go back to.
  const moved = Float64Array.from(values);
  for (const [before, after] of graph.successors) {
    moved[/** @type {number} */ (graph.place.get(before))] = values[/** @type {number} */ (graph.place.get(after))];
  }
  return moved;
}
