// The layers of the network as pictures, and one number of them with all that made it.

import { html, setText } from "./dom.js";
import { shown } from "./numbers.js";
import { fieldOf, originOf } from "./origin.js";

/** @typedef {import("./plan.js").Plan} Plan */

const MOST_TERMS_SHOWN = 24;

/**
 * Numbers as a picture: blue above 0, orange below, stronger for larger; ink on paper for an image.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} numbers
 * @param {number} width
 * @param {number} most what the strongest colour stands for
 * @param {"signed" | "ink"} kind
 */
export function paintMap(canvas, numbers, width, most, kind) {
  const height = numbers.length / width;
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  const style = getComputedStyle(document.documentElement);
  const [above, below] = kind === "ink" ? ["--ink", "--ink"] : ["--blue", "--red"];
  const colours = [above, below].map((name) => colourOf(style.getPropertyValue(name)));
  for (let at = 0; at < numbers.length; at++) {
    const part = Math.max(-1, Math.min(1, numbers[at] / (most || 1)));
    image.data.set([...colours[part < 0 ? 1 : 0], Math.round(255 * Math.abs(part))], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

/**
 * Red, green and blue of a colour as the style has it: #rrggbb.
 * @param {string} text
 * @returns {number[]}
 */
function colourOf(text) {
  const hex = text.trim().replace("#", "");
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/**
 * What a step is called: its operation, and its path in the network where that says more than a number.
 * @param {import("./plan.js").PlanStep} step
 * @returns {string}
 */
function titleOf(step) {
  const kind = kindOf(step).replace("_", " and ");
  return /[a-z]/.test(step.name) && step.name !== kind ? `${kind} ${step.name}` : kind;
}

/**
 * The name by which words about a step are found.
 * @param {import("./plan.js").PlanStep} step
 * @returns {string}
 */
function kindOf(step) {
  if (step.op === "function") return step.function || "";
  return step.op === "pool" ? `${step.kind} pool` : step.op;
}

export class Maps {
  /**
   * @param {Record<string, any>} parts
   * @param {Plan} plan
   * @param {any} data
   * @param {(mask: Uint8Array | null) => void} showField
   */
  constructor(parts, plan, data, showField) {
    this.parts = parts;
    this.plan = plan;
    this.data = data;
    this.showField = showField;
    /** @type {Float32Array[] | null} */
    this.values = null;
    this.chosen = { number: 0, flat: 0 };
    this.current = 0;
    /** @type {{number: number, title: string, root: any, canvases: HTMLCanvasElement[], words: any}[]} */
    this.layers = [];
    plan.steps.forEach((step, at) => step.op !== "reshape" && this.layers.push(this.#layer(at + 1)));
    parts.layers.append(...this.layers.map((layer) => layer.root));
    parts.back.addEventListener("click", () => this.#walk(-1));
    parts.next.addEventListener("click", () => this.#walk(1));
    for (const name of ["channel", "row", "column"]) parts[name].addEventListener("input", () => this.#typed());
    parts.layer.append(...this.layers.map((layer) => html("option", { value: String(layer.number) }, layer.title)));
    parts.layer.addEventListener("input", () => this.choose(Number(parts.layer.value), 0));
  }

  /** @param {number} number */
  #layer(number) {
    const step = this.plan.steps[number - 1];
    const { shape } = step;
    const title = `${this.layers.length + 1} · ${titleOf(step)}`;
    const flat = shape.length === 1;
    const pictures = flat ? 1 : shape[0];
    const canvases = Array.from({ length: pictures }, (_, channel) => {
      const canvas = /** @type {any} */ (html("canvas", { class: flat ? "map row" : "map", "aria-hidden": "true", title: flat ? title : `${title}, channel ${channel + 1}` }));
      canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => {
        const box = canvas.getBoundingClientRect();
        const column = Math.min(canvas.width - 1, Math.floor(((event.clientX - box.left) * canvas.width) / box.width));
        const row = Math.min(canvas.height - 1, Math.floor(((event.clientY - box.top) * canvas.height) / box.height));
        this.choose(number, (channel * canvas.height + row) * canvas.width + column);
      });
      return canvas;
    });
    const size = flat ? `${shape[0]} numbers` : `${shape[0]} maps of ${shape[1]}×${shape[2]}`;
    const words = html("p", { class: "quiet" }, this.data.words[kindOf(step)] || "");
    const kernels = step.op === "convolution" ? this.#kernels(number) : null;
    const root = html(
      "li",
      { class: "layer" },
      html("h3", {}, title, html("span", { class: "quiet" }, ` – ${size}`)),
      words,
      html("div", { class: "map-row" }, ...canvases),
      kernels,
    );
    return { number, title, root, canvases, words };
  }

  /**
   * Kernels as pictures: a row an output channel, a picture an input channel.
   * @param {number} number
   */
  #kernels(number) {
    const step = this.plan.steps[number - 1];
    const [rows, columns] = step.window?.kernel || [1, 1];
    const each = step.arrays.weight.length / (step.shape[0] * rows * columns);
    const box = html("div", { class: "kernels" });
    const details = html("details", {}, html("summary", {}, `Kernels ${rows}×${columns}×${each}`), box);
    details.addEventListener("toggle", () => {
      // Painted when they are first opened: a network has thousands of kernels, each a canvas.
      if (!(/** @type {any} */ (details).open) || box.childElementCount) return;
      const { weight } = step.arrays;
      const most = weight.reduce((high, value) => Math.max(high, Math.abs(value)), 0);
      for (let output = 0; output < step.shape[0]; output++) {
        const line = html("div", { class: "kernel-row" }, html("span", { class: "quiet" }, String(output + 1)));
        for (let channel = 0; channel < each; channel++) {
          const canvas = /** @type {any} */ (html("canvas", { class: "kernel", role: "img", "aria-label": `kernel of output ${output + 1}, input ${channel + 1}` }));
          const from = (output * each + channel) * rows * columns;
          paintMap(canvas, weight.subarray(from, from + rows * columns), columns, most, "signed");
          line.append(canvas);
        }
        box.append(line);
      }
    });
    return details;
  }

  /** @param {Float32Array[] | null} values */
  update(values) {
    this.values = values;
    for (const layer of this.layers) this.#paint(layer);
    this.#show();
  }

  /** @param {{number: number, canvases: HTMLCanvasElement[]}} layer */
  #paint({ number, canvases }) {
    const shape = this.plan.shapes[number];
    const wide = shape.length === 1 ? shape[0] : shape[2];
    const size = shape.length === 1 ? shape[0] : shape[1] * shape[2];
    const values = this.values?.[number] || new Float32Array(size * canvases.length);
    const most = values.reduce((high, value) => (Number.isFinite(value) ? Math.max(high, Math.abs(value)) : high), 0);
    canvases.forEach((canvas, channel) => paintMap(canvas, values.subarray(channel * size, (channel + 1) * size), wide, most, "signed"));
  }

  /**
   * Look at one number of a layer.
   * @param {number} number
   * @param {number} flat
   */
  choose(number, flat) {
    this.chosen = { number, flat };
    this.#show();
  }

  #typed() {
    const { number } = this.chosen;
    const shape = this.plan.shapes[number];
    const whole = (/** @type {string} */ name, /** @type {number} */ most) => Math.max(0, Math.min(most - 1, Math.round(Number(this.parts[name].value)) - 1 || 0));
    const channel = whole("channel", shape[0]);
    const flat = shape.length === 1 ? channel : (channel * shape[1] + whole("row", shape[1])) * shape[2] + whole("column", shape[2]);
    this.choose(number, flat);
  }

  /** @param {number} way */
  #walk(way) {
    this.current = Math.max(0, Math.min(this.layers.length - 1, this.current + way));
    this.layers.forEach((layer, at) => layer.root.classList.toggle("lit", at === this.current));
    const layer = this.layers[this.current];
    layer.root.scrollIntoView({ block: "center", behavior: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    setText(this.parts.walked, `Layer ${layer.title}, of ${this.layers.length}. ${layer.words.textContent}`);
    this.parts.back.disabled = this.current === 0;
    this.parts.next.disabled = this.current === this.layers.length - 1;
  }

  #show() {
    const { parts, plan, values } = this;
    const { number, flat } = this.chosen;
    const known = Boolean(number && values);
    parts.origin.hidden = !number;
    if (!number) return;
    const step = plan.steps[number - 1];
    const { shape } = step;
    const maps = shape.length === 3;
    const channel = maps ? Math.floor(flat / (shape[1] * shape[2])) : flat;
    const [row, column] = maps ? [Math.floor(flat / shape[2]) % shape[1], flat % shape[2]] : [0, 0];
    parts.layer.value = String(number);
    for (const [name, at, most] of [["channel", channel, shape[0]], ["row", row, shape[1]], ["column", column, shape[2]]]) {
      const input = parts[/** @type {string} */ (name)];
      input.max = String(most || 1);
      if (document.activeElement !== input) input.value = String(Number(at) + 1);
      input.parentElement.hidden = name !== "channel" && !maps;
    }
    this.showField(fieldOf(plan, number, flat));
    if (!known || !values) {
      setText(parts.words, "Draw a digit to see its numbers here.");
      parts.terms.replaceChildren();
      return;
    }
    this.#terms(number, flat, values);
  }

  /**
   * @param {number} number
   * @param {number} flat
   * @param {Float32Array[]} values
   */
  #terms(number, flat, values) {
    const { parts, plan } = this;
    const step = plan.steps[number - 1];
    const format = { digits: 4, comma: false };
    const text = (/** @type {number} */ value) => shown(value, format);
    const { terms, bias, kernel, channels } = originOf(plan, values, number, flat);
    const result = values[number][flat];
    if (bias === null) {
      const how = this.data.how[kindOf(step)] || "";
      const [first] = terms;
      setText(parts.words, terms.length === 1 ? `${step.function || step.op} of ${text(first.value)} is ${text(result)}.` : `${how} ${terms.length} numbers: ${text(result)}.`);
      parts.terms.replaceChildren(kernel ? grid(terms.slice(0, kernel[0] * kernel[1]).map((term) => text(term.value)), kernel[1], (at) => terms[at].value === result) : "");
      return;
    }
    const products = terms.map((term) => term.value * Number(term.weight));
    const sum = products.reduce((all, product) => all + product, 0);
    const count = kernel ? `${kernel[0]}×${kernel[1]}×${channels} = ${terms.length} products` : `${terms.length} products`;
    setText(parts.words, `${count} add up to ${text(sum)}; with the bias ${text(bias)} that is ${text(sum + bias)}.`);
    parts.terms.replaceChildren(kernel && kernel[0] * kernel[1] > 1 ? this.#patches(terms, products, kernel, channels) : listOfTerms(terms, products, text));
  }

  /**
   * Numbers under the kernel, the kernel, their products: a line an input channel.
   * @param {import("./origin.js").Term[]} terms
   * @param {number[]} products
   * @param {number[]} kernel
   * @param {number} channels
   */
  #patches(terms, products, kernel, channels) {
    const size = kernel[0] * kernel[1];
    const short = (/** @type {number} */ value) => shown(value, { digits: 4, comma: false }).replace(/(\.\d{2})\d+$/, "$1");
    const lines = Array.from({ length: channels }, (_, channel) => {
      const own = terms.slice(channel * size, (channel + 1) * size);
      const made = products.slice(channel * size, (channel + 1) * size);
      const sum = made.reduce((all, product) => all + product, 0);
      const cells = (/** @type {number[]} */ numbers) => grid(numbers.map(short), kernel[1]);
      return html(
        "div",
        { class: "patch" },
        html("span", { class: "quiet" }, `channel ${channel + 1}`),
        cells(own.map((term) => term.value)),
        html("span", {}, "×"),
        cells(own.map((term) => Number(term.weight))),
        html("span", {}, "="),
        cells(made),
        html("span", { class: "numeral" }, `Σ ${short(sum)}`),
      );
    });
    return html("div", {}, ...lines);
  }
}

/**
 * @param {string[]} texts
 * @param {number} columns
 * @param {(at: number) => boolean} [lit]
 */
function grid(texts, columns, lit = () => false) {
  const rows = [];
  for (let at = 0; at < texts.length; at += columns) {
    rows.push(html("tr", {}, ...texts.slice(at, at + columns).map((text, place) => html("td", { class: lit(at + place) ? "now" : null }, text))));
  }
  return html("table", { class: "cells" }, html("tbody", {}, ...rows));
}

/**
 * The largest products one by one, the others together.
 * @param {import("./origin.js").Term[]} terms
 * @param {number[]} products
 * @param {(value: number) => string} text
 */
function listOfTerms(terms, products, text) {
  const order = products.map((_, at) => at).toSorted((a, b) => Math.abs(products[b]) - Math.abs(products[a]));
  const first = order.slice(0, MOST_TERMS_SHOWN);
  const rest = order.slice(MOST_TERMS_SHOWN).reduce((sum, at) => sum + products[at], 0);
  const rows = first.map((at) =>
    html("tr", {}, ...[String(at + 1), text(terms[at].value), text(Number(terms[at].weight)), text(products[at])].map((cell) => html("td", { class: "numeral" }, cell))),
  );
  const others = order.length - first.length;
  if (others > 0) rows.push(html("tr", {}, html("td", { colspan: 3 }, `${others} smaller ones together`), html("td", { class: "numeral" }, text(rest))));
  const head = html("tr", {}, ...["from", "value", "weight", "product"].map((name) => html("th", { scope: "col" }, name)));
  return html("table", { class: "products" }, html("thead", {}, head), html("tbody", {}, ...rows));
}
