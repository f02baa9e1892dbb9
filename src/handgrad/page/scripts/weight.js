// One weight alone: the error as it moves, the steps that a learning rate takes on that curve, and a nudge beside its slope.

import { chart, clamped, path, widthIn } from "./chart.js";
import { html, setText, svg } from "./dom.js";
import { begin, compileStep } from "./evaluate.js";
import { shown, typed } from "./numbers.js";

/** @typedef {import("./moment.js").Moment} Moment */

const STEPS_DRAWN = 12;
const POINTS = 121;
const MOST_CHECKED = 24;

export class OneWeight {
  /**
   * @param {Record<string, any>} parts
   * @param {any} app
   */
  constructor(parts, app) {
    this.parts = parts;
    this.app = app;
    this.key = "";
    parts.weight.append(...app.data.parameters.map((/** @type {string} */ name) => html("option", { value: name }, name)));
    parts.weight.addEventListener("change", () => app.store.change({ weight: parts.weight.value }, "choosing a weight"));
    parts.nudge.addEventListener("change", () => this.#nudge(typed(parts.nudge.value)));
    parts.nudgeSlider.addEventListener("input", () => this.#nudge(Number(Number(parts.nudgeSlider.value).toPrecision(2))));
    parts.rate.addEventListener("input", () =>
      app.trySetting("learning_rate", Number((10 ** Number(parts.rate.value)).toPrecision(3)), "changing η"),
    );
  }

  /** @param {number | null} value */
  #nudge(value) {
    if (value) this.app.store.change({ nudge: value }, "changing ε");
    else this.parts.nudge.value = shown(this.app.store.state.nudge, { ...this.app.store.state.format, digits: 17 });
  }

  /** @param {Moment} moment */
  update(moment) {
    const { state } = moment;
    const key = JSON.stringify([state.choices, state.given, state.step, state.weight, state.nudge, state.format]);
    if (key === this.key) return;
    this.key = key;
    this.parts.weight.value = state.weight;
    if (document.activeElement !== this.parts.nudge) {
      this.parts.nudge.value = shown(state.nudge, { ...state.format, digits: 17 });
    }
    this.parts.nudgeSlider.value = String(state.nudge);
    this.parts.rate.value = String(Math.log10(state.given.learning_rate));
    this.parts.rate.setAttribute("aria-valuetext", shown(state.given.learning_rate, state.format));
    setText(this.parts.rateValue, `η = ${shown(state.given.learning_rate, { ...state.format, digits: 6 })}`);
    const probe = probeOf(moment, this.app);
    if (!Number.isFinite(probe.error(state.weight, probe.value(state.weight)))) {
      this.parts.parabola.replaceChildren();
      this.parts.nudgePicture.replaceChildren();
      setText(this.parts.walkWords, this.app.data.walk.none);
      setText(this.parts.nudgeWords, "");
      return;
    }
    this.#parabola(moment, probe);
    this.#nudged(moment, probe);
    this.#checks(moment, probe);
  }

  /**
   * @param {Moment} moment
   * @param {Probe} probe
   */
  #parabola(moment, probe) {
    const { state } = moment;
    const { weight } = state;
    const label = moment.graph.byName.get(weight)?.label || weight;
    const at = probe.value(weight);
    const slope = probe.slope(weight, at);
    const rate = state.given.learning_rate;
    /** @type {[number, number][]} */
    const walk = [[at, probe.error(weight, at)]];
    for (let count = 0; count < STEPS_DRAWN; count++) {
      const [from] = walk[walk.length - 1];
      const to = from - rate * probe.slope(weight, from);
      if (!Number.isFinite(to)) break;
      walk.push([to, probe.error(weight, to)]);
    }
    const [low, high] = frame(walk.map(([w]) => w), at);
    const curvePoints = curveOf(probe, weight, low, high);
    const errors = curvePoints.map(([, error]) => error).filter(Number.isFinite);
    const [floor, ceiling] = [Math.min(...errors), Math.min(Math.max(...errors), 1e300)];
    const pad = (ceiling - floor || Math.abs(floor) || 1) * 0.06;
    const drawn = chart({
      width: widthIn(this.parts.parabola, 620), height: 300, x: [low, high], y: [floor - pad, ceiling + pad], xName: label, yName: "E_total",
      format: state.format, label: `E_total as ${label} moves, all else fixed, and ${walk.length - 1} steps on it`,
    });
    drawn.plot.append(svg("path", { d: path(drawn, curvePoints), class: "curve s0" }));
    drawn.plot.append(svg("path", { d: path(drawn, walk), class: "walk" }));
    walk.forEach(([w, error], number) => {
      if (!Number.isFinite(error)) return;
      drawn.plot.append(svg("circle", { cx: clamped(drawn.x(w)), cy: clamped(drawn.y(error)), r: number ? 3.2 : 5.5, class: number ? "walk-point" : "walk-point first" }));
    });
    this.parts.parabola.replaceChildren(drawn.root);
    setText(this.parts.walkWords, this.#walkWords(moment, walk, slope, label));
  }

  /**
   * @param {Moment} moment
   * @param {[number, number][]} walk
   * @param {number} slope
   * @param {string} label
   */
  #walkWords(moment, walk, slope, label) {
    const words = this.app.data.walk;
    const number = (/** @type {number} */ value) => shown(value, moment.state.format);
    if (!Number.isFinite(slope)) return words.none;
    const [first, last] = [walk[0], walk[walk.length - 1]];
    const moves = walk.slice(1).map(([w], at) => w - walk[at][0]);
    const turns = moves.slice(1).filter((move, at) => move * moves[at] < 0).length;
    const facts = `${label} is ${number(first[0])}, its slope ${number(slope)}: the first step is −η · slope = ${number(moves[0] ?? Number.NaN)}.`;
    const fell = `After ${walk.length - 1} steps with this weight alone E_total is ${number(last[1])}, from ${number(first[1])}.`;
    let judgement = words.still;
    if (walk.length <= STEPS_DRAWN || last[1] > first[1]) judgement = words.flies;
    else if (turns) judgement = words.over;
    else if (moves[0] && Math.abs(moves[moves.length - 1] / moves[0]) > 0.9) judgement = words.crawls;
    else if (moves[0]) judgement = words.settles;
    return `${facts} ${fell} ${judgement}`;
  }

  /**
   * @param {Moment} moment
   * @param {Probe} probe
   */
  #nudged(moment, probe) {
    const { state } = moment;
    const { weight, nudge } = state;
    const label = moment.graph.byName.get(weight)?.label || weight;
    const at = probe.value(weight);
    const [error, slope] = [probe.error(weight, at), probe.slope(weight, at)];
    const [moved, after] = [at + nudge, probe.error(weight, at + nudge)];
    const reach = 1.6 * Math.abs(nudge);
    const points = curveOf(probe, weight, at - reach, at + reach);
    const tangent = /** @type {[number, number][]} */ ([-reach, reach].map((way) => [at + way, error + slope * way]));
    const all = [...points, ...tangent].map(([, y]) => y).filter(Number.isFinite);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = (high - low || Math.abs(low) * 1e-3 || 1) * 0.12;
    const drawn = chart({
      width: widthIn(this.parts.nudgePicture, 620), height: 300, x: [at - reach, at + reach], y: [low - pad, high + pad], xName: label, yName: "E_total",
      format: state.format, label: `E_total near ${label}: the curve, its tangent and a nudge`, ticks: 4,
    });
    drawn.plot.append(
      svg("path", { d: path(drawn, tangent), class: "curve s1" }),
      svg("path", { d: path(drawn, points), class: "curve s0" }),
      svg("path", { d: path(drawn, [[at, error], [moved, error], [moved, after]]), class: "walk" }),
      svg("circle", { cx: drawn.x(at), cy: drawn.y(error), r: 5.5, class: "walk-point first" }),
      svg("circle", { cx: drawn.x(moved), cy: drawn.y(after), r: 4, class: "walk-point" }),
    );
    this.parts.nudgePicture.replaceChildren(drawn.root);
    const number = (/** @type {number} */ value) => shown(value, state.format);
    setText(
      this.parts.nudgeWords,
      `${label} moves by ε = ${number(nudge)}, all else fixed. E_total moves by ${number(after - error)}. Slope times ε is ${number(slope)} · ${number(nudge)} = ${number(slope * nudge)}.`,
    );
  }

  /**
   * @param {Moment} moment
   * @param {Probe} probe
   */
  #checks(moment, probe) {
    const names = this.app.data.parameters.slice(0, MOST_CHECKED);
    const h = this.app.data.difference;
    const rows = names.map((/** @type {string} */ name) => {
      const at = probe.value(name);
      const difference = (probe.error(name, at + h) - probe.error(name, at - h)) / (at + h - (at - h));
      const slope = probe.slope(name, at);
      return { name, slope, difference, apart: Math.abs(slope - difference) };
    });
    const number = (/** @type {number} */ value) => shown(value, { ...moment.state.format, digits: Math.max(6, moment.state.format.digits) }, true);
    this.parts.checks.replaceChildren(
      ...rows.map((/** @type {any} */ row) =>
        html("tr", {}, html("th", { scope: "row" }, `∂E/∂${row.name}`), html("td", { class: "numeral" }, number(row.slope)), html("td", { class: "numeral" }, number(row.difference)), html("td", { class: "numeral quiet" }, shown(row.apart, { ...moment.state.format, digits: 2 }))),
      ),
    );
    const rest = this.app.data.parameters.length - names.length;
    setText(this.parts.checksMore, rest > 0 ? `The first ${names.length} of ${this.app.data.parameters.length}.` : "");
  }
}

/** @typedef {{value: (name: string) => number, error: (name: string, at: number) => number, slope: (name: string, at: number) => number}} Probe */

/**
 * The error and its slope with one parameter moved, at the weights of this step. The slope is the true gradient: with the
 * order "output layer first" the page's own derivative below the output is another number, and no slope of this curve.
 * @param {Moment} moment
 * @param {any} app
 * @returns {Probe}
 */
function probeOf(moment, app) {
  const graph = app.moments.graph({ ...moment.state.choices, order: "old-weights" });
  const given = Object.fromEntries(moment.graph.list.filter((q) => !q.expression).map((q) => [q.name, moment.value(q.name)]));
  const values = begin(graph, given);
  const forward = compileStep(graph, ["E_total"]);
  const total = graph.place.get("E_total");
  /** @param {string} name @param {number} at @param {(values: Float64Array) => Float64Array} run */
  const moved = (name, at, run) => {
    const place = graph.place.get(name);
    const copy = Float64Array.from(values);
    copy[place] = at;
    return run(copy);
  };
  /** @type {Map<string, (values: Float64Array) => Float64Array>} */
  const slopes = new Map();
  return {
    value: (name) => values[graph.place.get(name)],
    error: (name, at) => moved(name, at, forward)[total],
    slope: (name, at) => {
      const gradient = `dE/d${name}`;
      if (!slopes.has(name)) slopes.set(name, compileStep(graph, [gradient]));
      return moved(name, at, /** @type {any} */ (slopes.get(name)))[graph.place.get(gradient)];
    },
  };
}

/**
 * What part of the curve to show: all steps where they stay near, otherwise as far as the first leap and back.
 * @param {number[]} places
 * @param {number} at
 * @returns {[number, number]}
 */
function frame(places, at) {
  const near = places.slice(0, 4).filter(Number.isFinite);
  const far = Math.max(1, ...near.map((place) => Math.abs(place - at)));
  const reach = Math.min(1.25 * far, 1e6);
  const inside = places.filter((place) => Math.abs(place - at) <= reach * 2);
  const [low, high] = [Math.min(...inside, at - reach / 2), Math.max(...inside, at + reach / 2)];
  const pad = (high - low) * 0.12;
  return [low - pad, high + pad];
}

/**
 * @param {Probe} probe
 * @param {string} name
 * @param {number} low
 * @param {number} high
 * @returns {[number, number][]}
 */
function curveOf(probe, name, low, high) {
  return Array.from({ length: POINTS }, (_, at) => {
    const w = low + ((high - low) * at) / (POINTS - 1);
    return /** @type {[number, number]} */ ([w, probe.error(name, w)]);
  });
}
