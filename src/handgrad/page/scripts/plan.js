// The trained network: a plan of a few operations as data, run on one image. Sums are made in doubles and kept in float32.

/**
 * @typedef {{
 *   op: string, name: string, inputs: number[], shape: number[], arrays: Record<string, Float32Array>,
 *   window?: {kernel: number[], stride: number[], padding: number[], dilation: number[]}, groups?: number,
 *   function?: string, numbers?: number[], kind?: string, counts_edge?: boolean, log?: boolean, epsilon?: number,
 *   index?: number[], shapes?: Record<string, number[]>,
 * }} PlanStep
 * @typedef {{steps: PlanStep[], shapes: number[][]}} Plan
 */

/**
 * @param {number[]} shape
 * @returns {number}
 */
export function sizeOf(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/**
 * Half-precision numbers as single ones.
 * @param {Uint16Array} halves
 * @returns {Float32Array}
 */
export function fromHalves(halves) {
  // By hand: arrays of half precision are too new to be in every browser.
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/**
 * A plan from its data and the bytes of its numbers.
 * @param {any} data
 * @param {ArrayBuffer} bytes
 * @returns {Plan}
 */
export function readPlan(data, bytes) {
  const numbers = data.half ? fromHalves(new Uint16Array(bytes)) : new Float32Array(bytes);
  const steps = data.steps.map((/** @type {any} */ step) => {
    const arrays = Object.fromEntries(
      Object.entries(step.arrays).map(([name, place]) => {
        const { at, size } = /** @type {any} */ (place);
        return [name, numbers.subarray(at, at + size)];
      }),
    );
    return { ...step, arrays };
  });
  return { steps, shapes: [data.image, ...steps.map((/** @type {PlanStep} */ step) => step.shape)] };
}

/**
 * Every value of the plan for an image, the image first.
 * @param {Plan} plan
 * @param {ArrayLike<number>} image 784 bytes, 0 for paper
 * @returns {Float32Array[]}
 */
export function runPlan(plan, image) {
  /** @type {Float32Array[]} */
  const values = [Float32Array.from(image)];
  for (const step of plan.steps) values.push(computed(step, plan, values));
  return values;
}

/**
 * Probabilities from scores, logits or log-probabilities.
 * @param {Float32Array} scores
 * @returns {number[]}
 */
export function probabilitiesOf(scores) {
  // Less the largest, so that no power overflows; the shares are the same.
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * @param {PlanStep} step
 * @param {Plan} plan
 * @param {Float32Array[]} values
 * @returns {Float32Array}
 */
function computed(step, plan, values) {
  const input = values[step.inputs[0]];
  const shapes = step.inputs.map((number) => plan.shapes[number]);
  switch (step.op) {
    case "convolution":
      return convolved(step, input, shapes[0]);
    case "linear":
      return multiplied(step, input);
    case "scale_shift": {
      const scale = spread(step.arrays.scale, step.shapes?.scale || [], step.shape);
      const shift = spread(step.arrays.shift, step.shapes?.shift || [], step.shape);
      return input.map((value, at) => value * scale[at] + shift[at]);
    }
    case "function": {
      const run = functionOf(step);
      return input.map((value) => run(value));
    }
    case "pool":
      return pooled(step, input, shapes[0]);
    case "add":
    case "multiply": {
      const [left, right] = step.inputs.map((number, at) => spread(values[number], shapes[at], step.shape));
      return step.op === "add" ? left.map((value, at) => value + right[at]) : left.map((value, at) => value * right[at]);
    }
    case "concatenate": {
      const whole = new Float32Array(sizeOf(step.shape));
      let at = 0;
      for (const number of step.inputs) {
        whole.set(values[number], at);
        at += values[number].length;
      }
      return whole;
    }
    case "reshape":
      return input;
    case "gather":
      return Float32Array.from(step.index || [], (from) => (from < 0 ? 0 : input[from]));
    case "standardise":
      return standardised(step, input);
    case "softmax": {
      const shares = probabilitiesOf(input);
      return Float32Array.from(shares, (share) => (step.log ? Math.log(share) : share));
    }
  }
  throw new Error(`no operation ${step.op}`);
}

/**
 * @param {PlanStep} step
 * @param {Float32Array} input
 * @param {number[]} shape
 * @returns {Float32Array}
 */
function convolved(step, input, shape) {
  const { kernel, stride, dilation } = /** @type {any} */ (step.window);
  const { data, rows, columns } = bordered(step, input, shape, (channel) => step.arrays.border[channel]);
  const [outputs, high, wide] = step.shape;
  const groups = step.groups || 1;
  const each = shape[0] / groups;
  const { weight, bias } = step.arrays;
  const result = new Float32Array(outputs * high * wide);
  const sums = new Float64Array(high * wide);
  for (let output = 0; output < outputs; output++) {
    sums.fill(bias[output]);
    const first = Math.floor(output / (outputs / groups)) * each;
    for (let channel = 0; channel < each; channel++) {
      for (let r = 0; r < kernel[0]; r++) {
        for (let c = 0; c < kernel[1]; c++) {
          const w = weight[((output * each + channel) * kernel[0] + r) * kernel[1] + c];
          if (w === 0) continue;
          const from = (first + channel) * rows * columns + r * dilation[0] * columns + c * dilation[1];
          for (let y = 0; y < high; y++) {
            let place = from + y * stride[0] * columns;
            for (let x = 0; x < wide; x++, place += stride[1]) sums[y * wide + x] += w * data[place];
          }
        }
      }
    }
    result.set(sums, output * high * wide);
  }
  return result;
}

/**
 * A value with a border all round.
 * @param {PlanStep} step
 * @param {Float32Array} input
 * @param {number[]} shape
 * @param {(channel: number) => number} fill
 * @returns {{data: Float32Array, rows: number, columns: number}}
 */
function bordered(step, input, shape, fill) {
  const [channels, high, wide] = shape;
  const [top, left, bottom, right] = /** @type {any} */ (step.window).padding;
  const [rows, columns] = [top + high + bottom, left + wide + right];
  if (rows === high && columns === wide) return { data: input, rows, columns };
  const data = new Float32Array(channels * rows * columns);
  for (let channel = 0; channel < channels; channel++) {
    data.fill(fill(channel), channel * rows * columns, (channel + 1) * rows * columns);
    for (let y = 0; y < high; y++) {
      const from = (channel * high + y) * wide;
      data.set(input.subarray(from, from + wide), (channel * rows + top + y) * columns + left);
    }
  }
  return { data, rows, columns };
}

/**
 * @param {PlanStep} step
 * @param {Float32Array} input
 * @returns {Float32Array}
 */
function multiplied(step, input) {
  const { weight, bias } = step.arrays;
  return Float32Array.from(bias, (start, output) => {
    let sum = start;
    for (let at = 0; at < input.length; at++) sum += weight[output * input.length + at] * input[at];
    return sum;
  });
}

/**
 * @param {PlanStep} step
 * @param {Float32Array} input
 * @param {number[]} shape
 * @returns {Float32Array}
 */
function pooled(step, input, shape) {
  const largest = step.kind === "max";
  const { kernel, stride, padding, dilation } = /** @type {any} */ (step.window);
  const { data, rows, columns } = bordered(step, input, shape, () => (largest ? Number.NEGATIVE_INFINITY : 0));
  const [channels, high, wide] = step.shape;
  const result = new Float32Array(channels * high * wide);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        let found = largest ? Number.NEGATIVE_INFINITY : 0;
        let count = 0;
        for (let r = 0; r < kernel[0]; r++) {
          for (let c = 0; c < kernel[1]; c++) {
            const [row, column] = [y * stride[0] + r * dilation[0], x * stride[1] + c * dilation[1]];
            const value = data[(channel * rows + row) * columns + column];
            found = largest ? Math.max(found, value) : found + value;
            const inside = row >= padding[0] && row < padding[0] + shape[1] && column >= padding[1] && column < padding[1] + shape[2];
            if (inside || step.counts_edge) count += 1;
          }
        }
        result[(channel * high + y) * wide + x] = largest ? found : found / count;
      }
    }
  }
  return result;
}

/**
 * Numbers of one shape as many times as a larger shape has places for them.
 * @param {Float32Array} values
 * @param {number[]} from
 * @param {number[]} to
 * @returns {Float32Array}
 */
function spread(values, from, to) {
  if (values.length === sizeOf(to)) return values;
  const sides = [...Array(to.length - from.length).fill(1), ...from];
  return Float32Array.from({ length: sizeOf(to) }, (_, flat) => {
    let place = 0;
    let rest = flat;
    let step = 1;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const at = rest % to[axis];
      rest = Math.floor(rest / to[axis]);
      place += sides[axis] === 1 ? 0 : at * step;
      step *= sides[axis];
    }
    return values[place];
  });
}

/**
 * @param {PlanStep} step
 * @param {Float32Array} input
 * @returns {Float32Array}
 */
function standardised(step, input) {
  const result = new Float32Array(input.length);
  const each = input.length / (step.groups || 1);
  for (let from = 0; from < input.length; from += each) {
    const part = Array.from(input.subarray(from, from + each));
    const mean = part.reduce((sum, value) => sum + value, 0) / each;
    const variance = part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / each;
    part.forEach((value, at) => {
      result[from + at] = (value - mean) / Math.sqrt(variance + (step.epsilon || 0));
    });
  }
  return result;
}

/**
 * The error function to 1.5e-7 (Abramowitz and Stegun, 7.1.26), as the plan's own evaluator has it.
 * @param {number} x
 * @returns {number}
 */
function errorFunction(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const terms = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
  const series = terms.reduce((sum, term, power) => sum + term * t ** (power + 1), 0);
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

/**
 * @param {PlanStep} step
 * @returns {(x: number) => number}
 */
export function functionOf(step) {
  const [first, second] = step.numbers || [];
  const all = /** @type {Record<string, (x: number) => number>} */ ({
    relu: (x) => Math.max(x, 0),
    clip: (x) => Math.min(Math.max(x, first), second),
    "leaky relu": (x) => (x < 0 ? first * x : x),
    elu: (x) => (x < 0 ? first * Math.expm1(x) : x),
    // In forms that overflow for no number: exp(-x) of a large negative one would be infinite.
    sigmoid: (x) => (1 + Math.tanh(x / 2)) / 2,
    tanh: Math.tanh,
    softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    erf: errorFunction,
    exp: Math.exp,
    log: Math.log,
    sqrt: Math.sqrt,
    reciprocal: (x) => 1 / x,
    abs: Math.abs,
    square: (x) => x * x,
    sin: Math.sin,
  });
  return all[step.function || ""];
}
