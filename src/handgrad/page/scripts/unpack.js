// What packing.py wrote, read back: quantities with their names, meanings, expressions and chain rules.

/**
 * @typedef {{op: "ref", name: string} | {op: "const", value: number} | {op: string, parts: Node[]}} Node
 * @typedef {{name: string, label: string, latex: string, quantity: string | null}} Factor
 * @typedef {{
 *   name: string, label: string, latex: string, kind: string, meaning: string, expression: Node | null,
 *   layer: number, unit: number, source: number, number: number, sample: number, of: string | null,
 *   chain: {total: number, products: Factor[][]},
 * }} Quantity
 * @typedef {{label: string, latex: string}} Spelling
 * @typedef {[string, number, Record<string, number[]>]} Part
 */

/**
 * Bytes that were deflated and written in base64.
 * @param {string} text
 * @returns {Promise<ArrayBuffer>}
 */
export async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * JSON that was deflated and written in base64.
 * @param {string} text
 * @returns {Promise<any>}
 */
export async function inflateJson(text) {
  return JSON.parse(new TextDecoder().decode(await inflate(text)));
}

/**
 * Numbers from their differences.
 * @param {number[]} steps
 * @returns {number[]}
 */
export function undifference(steps) {
  let last = 0;
  return steps.map((step) => (last += step));
}

/** Runs of numbers, each written as the difference to the run before it of the same kind. */
export class Stream {
  /** @param {number[]} numbers */
  constructor(numbers) {
    this.numbers = numbers;
    this.at = 0;
    /** @type {Map<number, number[]>} */
    this.before = new Map();
  }

  /**
   * The next run of a kind.
   * @param {number} kind
   * @param {number} length
   * @returns {number[]}
   */
  next(kind, length) {
    const base = this.before.get(kind);
    const run = this.numbers.slice(this.at, this.at + length).map((step, place) => step + (base ? base[place] : 0));
    this.at += length;
    this.before.set(kind, run);
    return run;
  }
}

/**
 * @param {string} form
 * @param {number[]} numbers
 * @returns {string}
 */
export function filled(form, numbers) {
  let place = 0;
  return form.replace(/#/g, () => String(numbers[place++]));
}

/**
 * How many references a shape has.
 * @param {any} shape
 * @returns {number}
 */
function gaps(shape) {
  if (shape === 0) return 1;
  if (shape[0] === "c") return 0;
  return shape.slice(1).reduce((/** @type {number} */ sum, /** @type {any} */ part) => sum + gaps(part), 0);
}

/**
 * A shape with names put into its gaps, from left to right; a sum over samples keeps one sample's terms.
 * @param {any} shape
 * @param {string[]} names
 * @returns {Node}
 */
function grown(shape, names) {
  if (shape === 0) return { op: "ref", name: /** @type {string} */ (names.shift()) };
  if (shape[0] === "c") return { op: "const", value: shape[1] };
  return { op: shape[0], parts: shape.slice(1).map((/** @type {any} */ part) => grown(part, names)) };
}

/**
 * A text of sample 1 as it is for another sample.
 * @param {string} text
 * @param {number} sample
 */
export function moved(text, sample) {
  return text.replaceAll("[1]", `[${sample}]`).replaceAll("^{(1)}", `^{(${sample})}`);
}

/**
 * An expression of sample 1 as it is for another sample.
 * @param {Node} node
 * @param {number} sample
 * @returns {Node}
 */
export function movedNode(node, sample) {
  if ("name" in node) return { op: "ref", name: moved(node.name, sample) };
  if ("parts" in node) return { op: node.op, parts: node.parts.map((part) => movedNode(part, sample)) };
  return node;
}

/**
 * A sum over samples written out.
 * @param {Node} node
 * @param {number} samples
 * @returns {Node}
 */
function writtenOut(node, samples) {
  if (!("parts" in node)) return node;
  if (node.op !== "s") return { op: node.op, parts: node.parts.map((part) => writtenOut(part, samples)) };
  const parts = [];
  for (let sample = 1; sample <= samples; sample++) parts.push(...node.parts.map((part) => movedNode(part, sample)));
  return { op: "+", parts };
}

/**
 * A factor as it is for another sample.
 * @param {Factor} factor
 * @param {number} sample
 * @returns {Factor}
 */
function movedFactor(factor, sample) {
  return {
    name: moved(factor.name, sample),
    label: moved(factor.label, sample),
    latex: moved(factor.latex, sample),
    quantity: factor.quantity && moved(factor.quantity, sample),
  };
}

/**
 * A quantity of sample 1 as it is for another sample.
 * @param {Quantity} q
 * @param {number} sample
 * @returns {Quantity}
 */
export function inSample(q, sample) {
  if (sample <= 1) return q;
  return {
    ...q,
    name: moved(q.name, sample),
    label: moved(q.label, sample),
    latex: moved(q.latex, sample),
    meaning: moved(q.meaning, sample).replace(/sample 1\b/, `sample ${sample}`),
    expression: q.expression && movedNode(q.expression, sample),
    sample,
    of: q.of && moved(q.of, sample),
    chain: {
      total: q.chain.total,
      products: q.chain.products.map((product) => product.map((factor) => movedFactor(factor, sample))),
    },
  };
}

/**
 * Names and how they are spelled.
 * @param {any} packed
 * @returns {{names: string[], spell: (name: string) => Spelling}}
 */
function unpackNames(packed) {
  const stream = new Stream(packed.numbers);
  const names = packed.kinds.map((/** @type {number} */ kind) => {
    const form = packed.forms[kind];
    return filled(form, stream.next(kind, form.split("#").length - 1));
  });
  /** @param {string} name */
  const spell = (name) => {
    const single = packed.single[name];
    if (single) return { label: single[0], latex: single[1] };
    const form = packed.spelling[name.replace(/\d+/g, "#")];
    const numbers = (name.match(/\d+/g) || []).map(Number);
    return form ? { label: filled(form[0], numbers), latex: filled(form[1], numbers) } : { label: name, latex: name };
  };
  return { names, spell };
}

/**
 * Every row of a packed step.
 * @param {any} packed
 * @param {number} samples
 * @returns {{rows: Quantity[], node: (shape: number, refs: number[]) => Node, gaps: (shape: number) => number}}
 */
export function unpackRows(packed, samples) {
  const { names, spell } = unpackNames(packed);
  const refs = new Stream(packed.refs);
  const links = new Stream(packed.links);
  const columns = packed.columns.map(undifference);
  const sizes = packed.shapes.map(gaps);
  /**
   * @param {number} shape
   * @param {number[]} numbers
   */
  const node = (shape, numbers) =>
    writtenOut(grown(packed.shapes[shape], numbers.map((number) => names[number])), samples);
  /** @param {number} form */
  const chainOf = (form) => {
    const [total, ...lengths] = packed.chains[form];
    const length = lengths.reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0);
    // A copy: it is used up below, and the next run is read as a difference to this one.
    const numbers = [...links.next(form, 2 * length)];
    const products = lengths.map((/** @type {number} */ count) =>
      Array.from({ length: count }, () => {
        const [name, quantity] = numbers.splice(0, 2);
        return { name: names[name], ...spell(names[name]), quantity: quantity < 0 ? null : names[quantity] };
      }),
    );
    return { total, products };
  };
  const rows = columns[0].map((/** @type {number} */ name, /** @type {number} */ row) => {
    const [family, unit, source, number, sample, of, shape, chain] = columns
      .slice(1)
      .map((/** @type {number[]} */ column) => column[row]);
    const [kind, layer, meaning, fillers] = packed.families[family];
    /** @type {Record<string, number>} */
    const places = { u: unit, s: source, n: number, m: sample, l: layer };
    if (of >= 0) places.o = Number((names[of].match(/\d+/) || [0])[0]);
    const fill = fillers.map((/** @type {string | number} */ filler) =>
      typeof filler === "number" ? filler : places[filler],
    );
    return {
      name: names[name],
      ...spell(names[name]),
      kind,
      meaning: filled(meaning, fill),
      expression: shape < 0 ? null : node(shape, refs.next(shape, sizes[shape])),
      layer: layer || 0,
      unit,
      source,
      number,
      sample,
      of: of < 0 ? null : names[of],
      chain: chain < 0 ? { total: 0, products: [] } : chainOf(chain),
    };
  });
  return { rows, node, gaps: (shape) => sizes[shape] };
}
