// A state as the hash of an address, as a command and as a TOML file: a link is a task.

/** @typedef {import("./state.js").State} State */

const DEFAULT_FORMAT = "4.";

/**
 * The hash for a state: only what differs from the page as it was written.
 * @param {State} state
 * @param {State} first
 * @returns {string}
 */
export function toHash(state, first) {
  const parts = new URLSearchParams();
  const { choices } = state;
  if (String(choices.activations) !== String(first.choices.activations)) parts.set("a", choices.activations.join(","));
  for (const key of /** @type {const} */ (["loss", "rule", "order"])) {
    if (choices[key] !== first.choices[key]) parts.set(key, choices[key]);
  }
  const changed = Object.keys(state.given).filter((name) => state.given[name] !== first.given[name]);
  if (changed.length) parts.set("set", changed.map((name) => `${name}:${state.given[name]}`).join(";"));
  if (state.step) parts.set("step", String(state.step));
  if (state.done) parts.set("done", String(state.done));
  if (state.selected) parts.set("show", state.selected);
  const format = `${state.format.digits}${state.format.comma ? "," : "."}`;
  if (format !== DEFAULT_FORMAT) parts.set("digits", format);
  if (String(state.rates) !== String(first.rates)) parts.set("rates", state.rates.join(";"));
  if (state.rateSteps !== first.rateSteps) parts.set("of", String(state.rateSteps));
  if (state.log) parts.set("axis", "log");
  if (state.weight !== first.weight) parts.set("weight", state.weight);
  if (state.nudge !== first.nudge) parts.set("nudge", String(state.nudge));
  if (state.predict) parts.set("predict", "all");
  if (state.hidden.length) parts.set("hide", state.hidden.join(";"));
  const text = parts.toString();
  return text ? `#${text}` : "";
}

/**
 * @param {string | null} text
 * @param {number} least
 * @param {number} most
 * @returns {number | null}
 */
function whole(text, least, most) {
  const value = Number(text);
  return text !== null && text !== "" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}

/**
 * Whether a number may stand for a given quantity, as network.py checks it.
 * @param {string} name
 * @param {number} value
 * @returns {string} what is wrong, empty where nothing is
 */
export function wrongValue(name, value) {
  if (!Number.isFinite(value)) return "a finite number is needed";
  if ((name === "learning_rate" || name === "epsilon") && value <= 0) return "it must be above 0";
  if (/^(momentum|beta[12])$/.test(name) && !(value >= 0 && value < 1)) return "it must be from 0 to below 1";
  return "";
}

/**
 * Whether targets suit a loss, as network.py checks it.
 * @param {Record<string, number>} given
 * @param {any} loss one entry of data.losses
 * @param {any} data
 * @returns {string} what is wrong, empty where nothing is
 */
export function wrongTargets(given, loss, data) {
  if (!loss.needs) return "";
  for (let sample = 1; sample <= data.samples; sample++) {
    const mark = data.samples > 1 ? `[${sample}]` : "";
    const targets = Array.from({ length: data.sizes[data.sizes.length - 1] }, (_, unit) => given[`t${unit + 1}${mark}`]);
    if (targets.some((target) => !(target >= 0 && target <= 1))) return `${loss.label} needs targets from 0 to 1`;
    const sum = targets.reduce((all, target) => all + target, 0);
    if (loss.needs === "softmax" && Math.abs(sum - 1) > 1e-9) return `${loss.label} needs targets that add up to 1`;
  }
  return "";
}

/**
 * The state that a hash asks for, and what in it this page does not know.
 * @param {string} hash
 * @param {State} first
 * @param {any} data
 * @returns {{state: State, unknown: string[]}}
 */
export function fromHash(hash, first, data) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {State} */
  const state = { ...first, choices: { ...first.choices }, given: { ...first.given } };
  /** @type {string[]} */
  const unknown = [];
  for (const [key, text] of parts) {
    if (!read(key, text, state, data)) unknown.push(`${key}=${text}`.slice(0, 60));
  }
  const loss = data.losses.find((/** @type {any} */ one) => one.name === state.choices.loss);
  const output = state.choices.activations[state.choices.activations.length - 1];
  if ((loss.needs && loss.needs !== output) || wrongTargets(state.given, loss, data)) {
    unknown.push(`loss=${state.choices.loss}`);
    state.choices = { ...first.choices };
    if (wrongTargets(state.given, data.losses.find((/** @type {any} */ one) => one.name === first.choices.loss), data)) {
      state.given = { ...first.given };
    }
  }
  return { state, unknown };
}

/**
 * @param {string} key
 * @param {string} text
 * @param {State} state
 * @param {any} data
 * @returns {boolean} whether it was understood
 */
function read(key, text, state, data) {
  switch (key) {
    case "a": {
      const names = text.split(",");
      const known = names.every((name, at) =>
        at < names.length - 1 ? data.hidden.includes(name) : data.outputs.includes(name),
      );
      if (!known || names.length !== state.choices.activations.length) return false;
      state.choices.activations = names;
      return true;
    }
    case "loss":
    case "rule":
    case "order": {
      const all = { loss: data.losses, rule: data.rules, order: data.orders }[key];
      if (!all.some((/** @type {any} */ one) => one.name === text)) return false;
      state.choices[key] = text;
      return true;
    }
    case "set":
      return text.split(";").every((pair) => {
        const at = pair.lastIndexOf(":");
        const name = pair.slice(0, at);
        const value = pair.slice(at + 1).trim() === "" ? Number.NaN : Number(pair.slice(at + 1));
        if (!Object.hasOwn(state.given, name) || wrongValue(name, value)) return false;
        state.given[name] = value;
        return true;
      });
    case "step": {
      const step = whole(text, 0, 100_000);
      if (step === null) return false;
      state.step = step;
      return true;
    }
    case "done": {
      const done = whole(text, 0, 1_000_000);
      if (done === null) return false;
      state.done = done;
      return true;
    }
    case "show":
      state.selected = text;
      return true;
    case "digits": {
      const found = /^(4|6|17)([.,])$/.exec(text);
      if (!found) return false;
      state.format = { digits: Number(found[1]), comma: found[2] === "," };
      return true;
    }
    case "rates": {
      const rates = text.split(";").map(Number);
      if (rates.length !== state.rates.length || !rates.every((rate) => Number.isFinite(rate) && rate > 0)) return false;
      state.rates = rates;
      return true;
    }
    case "of": {
      const steps = whole(text, 1, 10_000);
      if (steps === null) return false;
      state.rateSteps = steps;
      return true;
    }
    case "axis":
      state.log = text === "log";
      return text === "log" || text === "linear";
    case "weight":
      if (!data.parameters.includes(text)) return false;
      state.weight = text;
      return true;
    case "nudge": {
      const nudge = Number(text);
      if (!(Number.isFinite(nudge) && nudge !== 0)) return false;
      state.nudge = nudge;
      return true;
    }
    case "predict":
      state.predict = text === "all";
      return text === "all";
    case "hide":
      state.hidden = text.split(";");
      return true;
  }
  return false;
}

/**
 * Values in the order of their numbers: w1, w2, …
 * @param {Record<string, number>} given
 * @param {string} letter
 * @returns {number[]}
 */
function numberedValues(given, letter) {
  const found = [];
  for (let number = 1; Object.hasOwn(given, `${letter}${number}`); number++) found.push(given[`${letter}${number}`]);
  return found;
}

/**
 * The network of this state as the TOML file that handgrad reads.
 * @param {State} state
 * @param {any} data
 * @returns {string}
 */
export function toToml(state, data) {
  const { given, choices } = state;
  /** @param {number[]} values */
  const list = (values) => `[${values.map(tomlNumber).join(", ")}]`;
  const lines = [`name = ${JSON.stringify(data.name)}`, `loss = "${choices.loss}"`, `bias = "${data.bias}"`];
  lines.push(`weights = ${list(numberedValues(given, "w"))}`);
  if (data.bias !== "none") lines.push(`biases = ${list(numberedValues(given, "b"))}`);
  lines.push(`learning_rate = ${tomlNumber(given.learning_rate)}`, `order = "${choices.order}"`);
  lines.push(`over_samples = "${data.overSamples}"`, "", "[update]", `rule = "${choices.rule}"`);
  const settings = { "gradient-descent": [], momentum: ["momentum"], adam: ["beta1", "beta2", "epsilon"] }[choices.rule];
  for (const name of settings || []) lines.push(`${name} = ${tomlNumber(given[name])}`);
  choices.activations.forEach((activation, layer) => {
    lines.push("", "[[layers]]", `units = ${data.sizes[layer + 1]}`, `activation = "${activation}"`);
  });
  for (let sample = 1; sample <= data.samples; sample++) {
    const mark = data.samples > 1 ? `[${sample}]` : "";
    /** @param {string} letter @param {number} count */
    const row = (letter, count) => list(Array.from({ length: count }, (_, at) => given[`${letter}${at + 1}${mark}`]));
    lines.push("", "[[samples]]", `inputs = ${row("i", data.sizes[0])}`);
    lines.push(`targets = ${row("t", data.sizes[data.sizes.length - 1])}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * TOML parts floats from whole numbers, and wants a digit on both sides of the point.
 * @param {number} value
 */
function tomlNumber(value) {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/**
 * The command that writes the workbook of this state; null where options cannot say it and a file must.
 * @param {State} state
 * @param {State} first
 * @param {any} data
 * @returns {string | null}
 */
export function toCommand(state, first, data) {
  const names = Object.keys(state.given).filter((name) => state.given[name] !== first.given[name]);
  const sayable = names.every((name) => name === "learning_rate" || /^w\d+$/.test(name));
  const same =
    String(state.choices.activations) === String(first.choices.activations) &&
    state.choices.loss === first.choices.loss &&
    state.choices.rule === first.choices.rule;
  if (!data.preset || !sayable || !same) return null;
  const words = ["handgrad backprop", data.preset];
  if (names.includes("learning_rate")) words.push(`--learning-rate ${state.given.learning_rate}`);
  if (names.some((name) => name.startsWith("w"))) words.push(`--weights=${numberedValues(state.given, "w").join(",")}`);
  if (state.choices.order !== first.choices.order) words.push(`--order ${state.choices.order}`);
  if (String(state.rates) !== String(first.rates)) words.push(`--rates ${state.rates.join(",")}`);
  return [...words, `--steps ${stepsOfBook(state)}`].join(" ");
}

/**
 * A workbook has 1 to 10,000 steps.
 * @param {State} state
 * @returns {number}
 */
export function stepsOfBook(state) {
  return Math.min(10_000, Math.max(1, state.step));
}
