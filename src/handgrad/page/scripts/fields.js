// A given number that can be changed: typed, by slider, with arrow keys; what is wrong stands beneath it.

import { html, setText } from "./dom.js";
import { wrongTargets, wrongValue } from "./link.js";
import { shown, typed } from "./numbers.js";

/** @typedef {import("./moment.js").Moment} Moment */

/**
 * How a slider runs for a number: from, to, and whether in powers of ten.
 * @param {string} name
 * @param {number} value
 * @returns {{low: number, high: number, log: boolean}}
 */
function span(name, value) {
  if (name === "learning_rate") return { low: -3, high: Math.max(3, Math.ceil(Math.log10(value))), log: true };
  if (name === "epsilon") return { low: -12, high: 0, log: true };
  if (/^(momentum|beta\d)$/.test(name)) return { low: 0, high: 0.999, log: false };
  if (/^t\d/.test(name) && value >= 0 && value <= 1) return { low: 0, high: 1, log: false };
  const reach = Math.max(2, Math.ceil(Math.abs(value) * 1.2));
  return { low: -reach, high: reach, log: false };
}

/**
 * A change by one press of an arrow key: a hundredth, a tenth with Shift; of the rate, a part of its size.
 * @param {string} name
 * @param {number} value
 * @param {boolean} large
 */
function stepSize(name, value, large) {
  const scale = span(name, value).log ? 10 ** Math.floor(Math.log10(Math.abs(value) || 1)) : 1;
  return (large ? 0.1 : 0.01) * scale * (scale === 1 && !span(name, value).log ? 1 : 10);
}

export class Field {
  /**
   * @param {any} app
   * @param {string} name
   * @param {string} label
   * @param {string} meaning
   * @param {boolean} slider
   */
  constructor(app, name, label, meaning, slider) {
    this.app = app;
    this.name = name;
    this.label = label;
    const id = `field-${++fields}`;
    this.input = html("input", {
      id, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false",
      "aria-describedby": `${id}-wrong`, title: meaning,
      change: () => this.#typed(),
      keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.wrong = html("p", { id: `${id}-wrong`, class: "wrong-value", role: "status" });
    const caption = html("label", { for: id, title: meaning }, label);
    this.slider = slider ? this.#slider(meaning) : null;
    this.root = html("div", { class: slider ? "field with-slider" : "field" }, caption, this.input, this.slider, this.wrong);
  }

  /** @param {string} meaning */
  #slider(meaning) {
    const slider = html("input", { type: "range", step: "any", "aria-label": `${this.label}, ${meaning}` });
    slider.addEventListener("input", () => {
      const at = Number(slider.value);
      const { log } = span(this.name, this.#value());
      const value = log ? Number((10 ** at).toPrecision(3)) : Number(at.toFixed(3));
      this.#commit(value);
    });
    return slider;
  }

  #value() {
    return this.app.store.state.given[this.name];
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") this.#typed();
    if (!way) return;
    event.preventDefault();
    const value = this.#value();
    this.#commit(Number((value + way * stepSize(this.name, value, event.shiftKey)).toPrecision(12)));
    this.input.value = this.#text();
  }

  #text() {
    return shown(this.#value(), { ...this.app.store.state.format, digits: 17 });
  }

  /** What is typed is a change of its own; presses of keys and a slider on its way are undone as one. */
  #typed() {
    this.#commit(typed(this.input.value));
    this.app.store.merging = "";
  }

  /** @param {number | null} value */
  #commit(value) {
    if (value === null) {
      setText(this.wrong, `“${this.input.value}” is not a number – ${this.#text()} stays`);
      return;
    }
    const wrong = this.app.trySetting(this.name, value, `changing ${this.label}`);
    setText(this.wrong, wrong ? `${wrong} – ${this.#text()} stays` : "");
  }

  /** @param {Moment} moment */
  update(moment) {
    const value = this.#value();
    if (value === undefined) return;
    if (document.activeElement !== this.input) {
      this.input.value = this.#text();
      if (document.activeElement !== this.slider) setText(this.wrong, "");
    }
    const first = this.app.first.given[this.name];
    this.root.classList.toggle("edited", first !== value);
    this.root.classList.toggle("lit", moment.focus?.name === this.name || moment.sources.has(this.name));
    if (!this.slider) return;
    const { low, high, log } = span(this.name, value);
    if (document.activeElement !== this.slider || Number(this.slider.max) < high) {
      this.slider.min = String(low);
      this.slider.max = String(high);
    }
    this.slider.value = String(log ? Math.log10(value) : value);
    this.slider.setAttribute("aria-valuetext", this.#text());
  }
}

let fields = 0;

/**
 * What is wrong with a new value of a given quantity, empty where nothing is.
 * @param {any} app
 * @param {string} name
 * @param {number} value
 */
export function refusal(app, name, value) {
  const { state } = app.store;
  const wrong = wrongValue(name, value);
  if (wrong || !/^t\d/.test(name)) return wrong;
  const loss = app.data.losses.find((/** @type {any} */ one) => one.name === state.choices.loss);
  return wrongTargets({ ...state.given, [name]: value }, loss, app.data);
}
