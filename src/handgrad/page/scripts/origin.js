// Where a value of the plan comes from: the numbers under its window, the products that made it, its field on the image.

import { sizeOf } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").PlanStep} PlanStep */

/**
 * @typedef {{input: number, at: number, weight: number | null, value: number}} Term  one number that a value is made from
 */

/**
 * The places of a value in each of its inputs that it is made from; -1 is the border.
 * @param {PlanStep} step
 * @param {Plan} plan
 * @param {number} flat
 * @returns {{input: number, at: number, channel: number, place: number}[]}
 */
function placesUnder(step, plan, flat) {
  const [input] = step.inputs;
  const shape = plan.shapes[input];
  const whole = (/** @type {number} */ from, /** @type {number} */ count) =>
    Array.from({ length: count }, (_, at) => ({ input, at: from + at, channel: 0, place: at }));
  switch (step.op) {
    case "convolution":
    case "pool":
      return underWindow(step, shape, input, flat);
    case "linear":
    case "softmax":
      return whole(0, sizeOf(shape));
    case "standardise": {
      const each = sizeOf(shape) / (step.groups || 1);
      return whole(Math.floor(flat / each) * each, each);
    }
    case "gather": {
      const at = (step.index || [])[flat];
      return at < 0 ? [] : [{ input, at, channel: 0, place: 0 }];
    }
    case "concatenate": {
      let rest = flat;
      for (const number of step.inputs) {
        const size = sizeOf(plan.shapes[number]);
        if (rest < size) return [{ input: number, at: rest, channel: 0, place: 0 }];
        rest -= size;
      }
      return [];
    }
  }
  return step.inputs.map((number) => ({ input: number, at: shrunk(flat, step.shape, plan.shapes[number]), channel: 0, place: 0 }));
}

/**
 * @param {PlanStep} step
 * @param {number[]} shape
 * @param {number} input
 * @param {number} flat
 */
function underWindow(step, shape, input, flat) {
  const [, high, wide] = step.shape;
  const { kernel, stride, padding, dilation } = /** @type {any} */ (step.window);
  const output = Math.floor(flat / (high * wide));
  const [y, x] = [Math.floor(flat / wide) % high, flat % wide];
  const convolution = step.op === "convolution";
  const groups = step.groups || 1;
  const each = convolution ? shape[0] / groups : 1;
  const first = convolution ? Math.floor(output / (step.shape[0] / groups)) * each : output;
  const found = [];
  for (let channel = 0; channel < each; channel++) {
    for (let r = 0; r < kernel[0]; r++) {
      for (let c = 0; c < kernel[1]; c++) {
        const row = y * stride[0] + r * dilation[0] - padding[0];
        const column = x * stride[1] + c * dilation[1] - padding[1];
        const inside = row >= 0 && row < shape[1] && column >= 0 && column < shape[2];
        const at = inside ? ((first + channel) * shape[1] + row) * shape[2] + column : -1;
        found.push({ input, at, channel: first + channel, place: (channel * kernel[0] + r) * kernel[1] + c });
      }
    }
  }
  return found;
}

/**
 * The place in a smaller shape that stretches to a place of a larger one.
 * @param {number} flat
 * @param {number[]} to
 * @param {number[]} from
 */
function shrunk(flat, to, from) {
  if (sizeOf(from) === sizeOf(to)) return flat;
  let [place, rest, size] = [0, flat, 1];
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const side = from[axis - to.length + from.length] || 1;
    if (side > 1) place += (rest % to[axis]) * size;
    rest = Math.floor(rest / to[axis]);
    size *= side;
  }
  return place;
}

/**
 * The numbers that a value is made from; with weights where it is a sum of products.
 * @param {Plan} plan
 * @param {Float32Array[]} values
 * @param {number} number the value's number: step + 1
 * @param {number} flat
 * @returns {{terms: Term[], bias: number | null, kernel: number[] | null, channels: number}}
 */
export function originOf(plan, values, number, flat) {
  const step = plan.steps[number - 1];
  const under = placesUnder(step, plan, flat);
  const { weight, bias, border } = step.arrays;
  const products = step.op === "convolution" || step.op === "linear";
  const output = step.op === "convolution" ? Math.floor(flat / (step.shape[1] * step.shape[2])) : flat;
  const terms = under.map(({ input, at, channel, place }) => ({
    input,
    at,
    weight: products ? weight[output * under.length + place] : null,
    value: at >= 0 ? values[input][at] : step.op === "convolution" ? border[channel] : 0,
  }));
  const kernel = step.window ? step.window.kernel : null;
  return { terms, bias: products ? bias[output] : null, kernel, channels: kernel ? under.length / sizeOf(kernel) : 1 };
}

/**
 * The pixels that a value depends on: 1 where it does.
 * @param {Plan} plan
 * @param {number} number
 * @param {number} flat
 * @returns {Uint8Array}
 */
export function fieldOf(plan, number, flat) {
  const marks = plan.shapes.map((shape) => new Uint8Array(sizeOf(shape)));
  marks[number][flat] = 1;
  for (let value = number; value > 0; value--) {
    const step = plan.steps[value - 1];
    const all = step.op === "linear" || step.op === "softmax";
    for (let at = 0; at < marks[value].length; at++) {
      if (!marks[value][at]) continue;
      if (all) {
        marks[step.inputs[0]].fill(1);
        break;
      }
      for (const under of placesUnder(step, plan, at)) if (under.at >= 0) marks[under.input][under.at] = 1;
    }
  }
  return marks[0];
}
