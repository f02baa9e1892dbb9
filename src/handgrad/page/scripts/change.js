// Everything that can be changed: rule, network, data, weights, biases.

import { html, setText } from "./dom.js";
import { Field } from "./fields.js";
import { wrongTargets } from "./link.js";

/** @typedef {import("./moment.js").Moment} Moment */
/** @typedef {import("./unpack.js").Quantity} Quantity */

const MOST_SLIDERS = 24;
const MOST_OPEN = 48;

export class Change {
  /**
   * @param {any} box
   * @param {any} app
   */
  constructor(box, app) {
    this.box = box;
    this.app = app;
    /** @type {Field[]} */
    this.fields = [];
    /** @type {(() => void)[]} */
    this.selects = [];
    this.built = "";
  }

  /** @param {Moment} moment */
  update(moment) {
    const key = moment.state.choices.rule;
    if (key !== this.built) this.#build(moment);
    this.built = key;
    for (const field of this.fields) field.update(moment);
    for (const select of this.selects) select();
  }

  /** @param {Moment} moment */
  #build(moment) {
    this.fields = [];
    this.selects = [];
    const of = (/** @type {string} */ kind) => moment.graph.list.filter((q) => q.kind === kind);
    const last = this.app.data.sizes.length - 1;
    const groups = [
      this.#group("How it learns", [...this.#ruleSelects(), ...of("setting").map((q) => this.#field(q, true))]),
      this.#group("Activations and loss", this.#networkSelects()),
    ];
    for (let sample = 1; sample <= this.app.data.samples; sample++) {
      const own = moment.graph.list.filter((q) => (q.kind === "input" || q.kind === "target") && q.sample === sample);
      own.sort((a, b) => a.kind.localeCompare(b.kind));
      groups.push(this.#group(this.app.data.samples > 1 ? `Sample ${sample}` : "Inputs and targets", this.#fieldsOf(own)));
    }
    for (let layer = 1; layer <= last; layer++) {
      const into = layer === last ? "outputs" : last > 2 ? `hidden layer ${layer}` : "hidden units";
      const own = of("weight").filter((q) => q.layer === layer);
      groups.push(this.#group(`First weights into the ${into}`, this.#fieldsOf(own)));
    }
    const biases = of("bias");
    if (biases.length) groups.push(this.#group("First biases", this.#fieldsOf(biases)));
    this.box.replaceChildren(...groups);
  }

  /** @param {Quantity[]} list */
  #fieldsOf(list) {
    return list.map((q) => this.#field(q, list.length <= MOST_SLIDERS));
  }

  /**
   * @param {Quantity} q
   * @param {boolean} slider
   */
  #field(q, slider) {
    const field = new Field(this.app, q.name, q.label, q.meaning, slider);
    this.fields.push(field);
    return field.root;
  }

  /**
   * @param {string} title
   * @param {any[]} parts
   */
  #group(title, parts) {
    if (parts.length > MOST_OPEN) {
      return html("details", { class: "group" }, html("summary", {}, `${title} (${parts.length})`), html("div", { class: "fields" }, ...parts));
    }
    return html("fieldset", { class: "group" }, html("legend", {}, title), html("div", { class: "fields" }, ...parts));
  }

  #ruleSelects() {
    const { data } = this.app;
    return [
      this.#select("Update rule", data.rules, (choices) => choices.rule, (choices, rule) => ({ ...choices, rule })),
      data.sizes.length > 2
        ? this.#select("Order", data.orders, (choices) => choices.order, (choices, order) => ({ ...choices, order }))
        : null,
    ];
  }

  #networkSelects() {
    const { data } = this.app;
    const last = data.sizes.length - 2;
    const layers = data.choices.activations.map((/** @type {string} */ _, /** @type {number} */ at) => {
      const names = at === last ? data.outputs : data.hidden;
      const title = at === last ? "Outputs" : last > 1 ? `Hidden layer ${at + 1}` : "Hidden units";
      const options = names.map((/** @type {string} */ name) => ({ name, label: name }));
      return this.#select(title, options, (choices) => choices.activations[at], (choices, name) => {
        const activations = choices.activations.map((one, place) => (place === at ? name : one));
        const loss = at === last ? lossFor(name, choices.loss, data) : choices.loss;
        return { ...choices, activations, loss };
      });
    });
    const loss = this.#select("Loss", data.losses, (choices) => choices.loss, (choices, name) => {
      const { needs } = data.losses.find((/** @type {any} */ one) => one.name === name);
      const activations = needs ? [...choices.activations.slice(0, -1), needs] : choices.activations;
      return { ...choices, activations, loss: name };
    });
    return [...layers, loss];
  }

  /**
   * @param {string} title
   * @param {{name: string, label: string, why?: string}[]} options
   * @param {(choices: import("./graph.js").Choices) => string} get
   * @param {(choices: import("./graph.js").Choices, value: string) => import("./graph.js").Choices} set
   */
  #select(title, options, get, set) {
    const { app } = this;
    const id = `choice-${++selects}`;
    const wrong = html("p", { class: "wrong-value", role: "status" });
    const select = html("select", { id }, ...options.map((one) => html("option", { value: one.name }, one.label)));
    select.addEventListener("change", () => {
      const choices = set(app.store.state.choices, select.value);
      const loss = app.data.losses.find((/** @type {any} */ one) => one.name === choices.loss);
      const bad = wrongTargets(app.store.state.given, loss, app.data);
      setText(wrong, bad ? `${bad}: change them first` : "");
      if (bad) select.value = get(app.store.state.choices);
      else app.choose(choices, `changing ${title.toLowerCase()}`);
    });
    this.selects.push(() => {
      select.value = get(app.store.state.choices);
      select.parentElement?.classList.toggle("edited", get(app.first.choices) !== select.value);
    });
    return html("div", { class: "field choice" }, html("label", { for: id }, title), select, wrong);
  }
}

let selects = 0;

/**
 * The loss that stays, or the first that goes with an output activation.
 * @param {string} output
 * @param {string} loss
 * @param {any} data
 */
function lossFor(output, loss, data) {
  const fits = (/** @type {any} */ one) => !one.needs || one.needs === output;
  const now = data.losses.find((/** @type {any} */ one) => one.name === loss);
  return fits(now) ? loss : data.losses.find(fits).name;
}
