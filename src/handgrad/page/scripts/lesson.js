// The lesson: reads the data, makes the views, and keeps them, the address and the state together.

import { chart, path, widthIn } from "./chart.js";
import { Bar } from "./bar.js";
import { Change } from "./change.js";
import { byId, html, setText, svg } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Field, refusal } from "./fields.js";
import { readStep } from "./graph.js";
import { Catalogue } from "./judge.js";
import { fromHash, toHash } from "./link.js";
import { Moments } from "./moment.js";
import { shown } from "./numbers.js";
import { Rates } from "./rates.js";
import { Share } from "./share.js";
import { firstState, Store } from "./state.js";
import { Table } from "./table.js";
import { notFinite } from "./training.js";
import { inflateJson } from "./unpack.js";
import { OneWeight } from "./weight.js";
import { Why } from "./why.js";

/** @typedef {import("./moment.js").Moment} Moment */
/** @typedef {import("./unpack.js").Quantity} Quantity */

/**
 * The parts of the page with a role in a view, by the last part of their id.
 * @param {string} prefix
 * @returns {Record<string, any>}
 */
function partsOf(prefix) {
  const found = /** @type {Record<string, any>} */ ({});
  for (const element of document.querySelectorAll(`[id^="${prefix}-"]`)) found[element.id.slice(prefix.length + 1)] = element;
  return found;
}

class Lesson {
  /** @param {any} data */
  constructor(data) {
    this.data = data;
    const step = readStep(data);
    this.catalogue = new Catalogue(data, step);
    this.moments = new Moments(data, step);
    this.first = firstState(data);
    const { state, unknown } = fromHash(window.location.hash, this.first, data);
    this.store = new Store(state);
    this.writing = 0;
    this.resizing = 0;
    this.written = "";
    /** @type {Moment | null} */
    this.moment = null;
    this.editing = { name: "", field: /** @type {Field | null} */ (null) };
    this.views = [
      new Drawing(byId("drawing"), data, (name) => this.select(name)),
      new Why(partsOf("why"), this),
      new Bar(partsOf("bar"), this),
      new Table(byId("table"), this),
      new Change(byId("change"), this),
      new Rates(partsOf("rates"), this),
      new OneWeight(partsOf("one"), this),
      new Share(partsOf("share"), this),
      { update: (/** @type {Moment} */ moment) => this.#curve(moment) },
      { update: (/** @type {Moment} */ moment) => this.#live(moment) },
    ];
    this.#notice(unknown);
    this.#buttons();
    this.store.listeners.push((now, before) => this.#render(now, before));
    window.addEventListener("hashchange", () => this.#follow());
    window.addEventListener("resize", () => {
      window.clearTimeout(this.resizing);
      this.resizing = window.setTimeout(() => this.#redraw(), 150);
    });
    this.#render(state, state);
  }

  /**
   * @param {import("./state.js").State} state
   * @param {import("./state.js").State} before
   */
  #render(state, before) {
    const moment = this.moments.of(state, before);
    this.moment = moment;
    for (const view of this.views) view.update(moment);
    window.clearTimeout(this.writing);
    this.writing = window.setTimeout(() => this.#address(), 300);
  }

  /** Charts are drawn for the width that there is. */
  #redraw() {
    for (const view of this.views) if ("key" in view) view.key = "";
    this.#render(this.store.state, this.store.state);
  }

  #address() {
    const hash = toHash(this.store.state, this.first);
    if (hash === window.location.hash) return;
    this.written = hash;
    try {
      window.history.replaceState(null, "", hash || window.location.pathname + window.location.search);
    } catch {
      window.location.hash = hash;
    }
  }

  /** Somebody else changed the address: a link was pasted. */
  #follow() {
    if (window.location.hash === this.written) return;
    const { state, unknown } = fromHash(window.location.hash, this.first, this.data);
    this.#notice(unknown);
    this.store.change(state, "following a link");
  }

  /** @param {string[]} unknown */
  #notice(unknown) {
    const box = byId("notice");
    box.hidden = !unknown.length;
    setText(box, unknown.length ? `Part of the link does not fit this page and was left out: ${unknown.join(", ")}` : "");
  }

  #buttons() {
    byId("start-here").addEventListener("click", () => this.#startHere());
    const predict = byId("predict");
    predict.addEventListener("change", () => this.store.change({ predict: predict.checked }, "predicting first"));
    this.views.push({ update: (/** @type {Moment} */ moment) => (predict.checked = moment.state.predict) });
    for (const button of document.querySelectorAll("[data-rate]")) {
      const element = /** @type {HTMLElement} */ (button);
      element.addEventListener("click", () => {
        const { given } = this.store.state;
        const step = Number(element.dataset.step);
        const done = this.moments.graph(this.store.state.choices).operations.length;
        const changed = { ...given, learning_rate: Number(element.dataset.rate) };
        this.store.change({ given: changed, step, done, selected: "E_total" }, "trying a learning rate");
        byId("stage").scrollIntoView();
      });
    }
  }

  /** The weights of this step become the first weights. */
  #startHere() {
    const { moment } = this;
    if (!moment) return;
    const given = { ...moment.state.given };
    for (const q of moment.graph.list) {
      if (q.kind === "weight" || q.kind === "bias") given[q.name] = moment.value(q.name);
    }
    const finite = Object.values(given).every(Number.isFinite);
    if (finite) this.store.change({ given, step: 0, done: 0, selected: null }, "starting from here");
  }

  reset() {
    const { format, rates, log, rateSteps, hidden, predict } = this.store.state;
    this.moments.revealed.clear();
    this.store.change({ ...this.first, format, rates, log, rateSteps, hidden, predict }, "going back to the beginning");
  }

  undo() {
    const what = this.store.undo();
    setText(byId("told"), what ? `Undone: ${what}.` : "Nothing to undo.");
  }

  redo() {
    const what = this.store.redo();
    setText(byId("told"), what ? `Done again: ${what}.` : "Nothing to do again.");
  }

  /** @param {string | null} name */
  select(name) {
    this.store.change({ selected: name });
  }

  /** @param {string} name */
  reveal(name) {
    this.moments.revealed.add(`${this.store.state.step} ${name}`);
    this.#render(this.store.state, this.store.state);
  }

  /**
   * Change a given number, unless it cannot be; returns what is wrong.
   * @param {string} name
   * @param {number} value
   * @param {string} what
   * @returns {string}
   */
  trySetting(name, value, what) {
    const wrong = refusal(this, name, value);
    const { given } = this.store.state;
    if (!wrong && given[name] !== value) this.store.change({ given: { ...given, [name]: value } }, what);
    return wrong;
  }

  /**
   * Other activations, loss, rule or order; one stays at the same operation where there still is one.
   * @param {import("./graph.js").Choices} choices
   * @param {string} what
   */
  choose(choices, what) {
    const now = this.moment?.current?.name;
    const graph = this.moments.graph(choices);
    const { done, step } = this.store.state;
    const all = this.moment?.graph.operations.length || 0;
    const at = graph.operations.findIndex((q) => q.name === now) + 1;
    const place = done >= all && step + done > 0 ? graph.operations.length : at || Math.min(done, graph.operations.length);
    this.store.change({ choices, done: place }, what);
  }

  /** @param {number} value */
  number(value) {
    return shown(value, { ...this.store.state.format, digits: 17 });
  }

  /**
   * A number that leads to where it comes from.
   * @param {string} name
   * @param {Moment} moment
   */
  chip(name, moment) {
    const q = moment.graph.byName.get(name);
    return html(
      "button",
      { type: "button", class: "chip", title: q?.meaning, click: () => this.select(name) },
      html("span", {}, q?.label || name),
      html("b", {}, moment.text(name)),
    );
  }

  /**
   * What happens in an operation and why it is done now, in the words of the data.
   * @param {Quantity} q
   * @param {Moment} moment
   */
  words(q, moment) {
    const { words } = this.data;
    const output = q.layer === this.data.sizes.length - 1;
    const { rule, order } = moment.state.choices;
    const keys = [
      q.kind === "delta" && output && !q.chain.total ? "delta met" : "",
      q.kind === "gradient" && q.of?.startsWith("b") ? "gradient of a bias" : "",
      q.kind === "updated" ? `updated ${rule}` : "",
      `${q.kind} ${output ? "output" : "hidden"}`,
      q.kind,
    ];
    const found = keys.find((key) => words[key]) || "";
    const extra = q.kind === "updated" ? ` ${words[order]}` : "";
    return `${(words[found] || []).join(" ")}${extra}`.replaceAll("{of}", moment.graph.byName.get(q.of || "")?.label || "");
  }

  /**
   * Where the numbers stopped being numbers, and how one gets back; empty while all is well.
   * @param {Moment} moment
   */
  trouble(moment) {
    const at = moment.training.diverged;
    const box = byId("trouble");
    const { step } = moment.state;
    if (at < 0 || at > step) {
      box.hidden = true;
      return "";
    }
    const text = this.#whyDiverged(moment, at);
    box.hidden = false;
    const button = at > 0 ? html("button", { type: "button", click: () => this.store.change({ step: at - 1, done: moment.graph.operations.length, selected: null }) }, `Go to step ${at - 1}, the last with finite numbers`) : "";
    if (box.dataset.text !== text) {
      box.dataset.text = text;
      box.replaceChildren(html("p", {}, text), button);
    }
    return "";
  }

  /**
   * @param {Moment} moment
   * @param {number} at
   */
  #whyDiverged(moment, at) {
    const cause = at ? "The learning rate is too large for this network: the steps overshoot further and further." : "One of the numbers that were typed is too large.";
    return `You did nothing wrong with the page: at step ${at} the training diverges. ${notFinite(moment.graph, moment.training.at(at))}, and everything computed from it follows. ${cause}`;
  }

  /**
   * The editor of a given number, in the panel.
   * @param {any} box
   * @param {Moment} moment
   * @param {Quantity | null} q
   */
  editor(box, moment, q) {
    const able = Boolean(q && !q.expression && q.kind !== "memory");
    box.hidden = !able;
    if (!q || !able) {
      this.editing = { name: "", field: null };
      return;
    }
    if (this.editing.name !== q.name) {
      const trained = q.kind === "weight" || q.kind === "bias";
      const field = new Field(this, q.name, trained ? `first ${q.label}` : q.label, q.meaning, true);
      this.editing = { name: q.name, field };
      box.replaceChildren(field.root);
    }
    this.editing.field?.update(moment);
  }

  /**
   * The error by step, as far as one has come.
   * @param {Moment} moment
   */
  #curve(moment) {
    const { errors } = moment.training;
    const { step, format } = moment.state;
    const end = Math.max(20, errors.length - 1);
    const points = errors.map((error, at) => /** @type {[number, number]} */ ([at, error]));
    const finite = errors.filter((error) => Number.isFinite(error));
    const top = Math.min(finite.reduce((high, error) => Math.max(high, error), 1e-12), 1e300);
    const drawn = chart({ width: widthIn(byId("curve"), 820), height: 165, x: [0, end], y: [0, top * 1.05], xName: "step", yName: "E_total", format, label: `E_total by step, now step ${step}` });
    drawn.plot.append(svg("path", { d: path(drawn, points), class: "curve s0" }));
    const error = errors[step];
    if (Number.isFinite(error) && !moment.isHidden("E_total")) {
      drawn.plot.append(svg("circle", { cx: drawn.x(step), cy: drawn.y(error), r: 4.5, class: "walk-point first" }));
    }
    byId("curve").replaceChildren(drawn.root);
  }

  /**
   * Numbers within sentences.
   * @param {Moment} moment
   */
  #live(moment) {
    for (const element of document.querySelectorAll("[data-live]")) {
      const name = /** @type {HTMLElement} */ (element).dataset.live || "";
      setText(element, moment.graph.byName.has(name) ? moment.text(name) : "–");
    }
  }
}

/** @returns {Promise<void>} */
async function openLesson() {
  const data = await inflateJson(byId("data").textContent.trim());
  Object.assign(window, { handgrad: new Lesson(data) });
  document.documentElement.classList.add("ready");
}

openLesson();
