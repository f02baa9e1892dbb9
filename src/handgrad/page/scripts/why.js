// The panel beside the drawing: what happens now and why, the derivation, where a number comes from and what needs it.

import { html, math, setText } from "./dom.js";
import { atomPiece, numberPiece, pieceOf, terms } from "./formula.js";
import { judged } from "./judge.js";
import { NOT_YET, phaseOf, UNKNOWN } from "./moment.js";
import { typed } from "./numbers.js";
import { texElement } from "./tex.js";

/** @typedef {import("./moment.js").Moment} Moment */
/** @typedef {import("./unpack.js").Quantity} Quantity */

const TERMS_A_LINE = 3;
const MOST_TERMS = 12;
const MOST_LINKS = 12;

export class Why {
  /**
   * @param {Record<string, HTMLElement & Record<string, any>>} parts
   * @param {any} app
   */
  constructor(parts, app) {
    this.parts = parts;
    this.app = app;
    /** @type {Moment | null} */
    this.moment = null;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
    });
    parts.reveal.addEventListener("click", () => this.#reveal("Shown, not predicted."));
    parts.hide.addEventListener("click", () => this.#hide());
    parts.now.addEventListener("click", () => app.select(null));
  }

  /** @param {Moment} moment */
  update(moment) {
    const asked = this.moment?.focus?.name;
    this.moment = moment;
    const q = moment.focus;
    const { parts } = this;
    setText(parts.where, q ? this.#where(moment, q) : "Before the first operation");
    parts.now.hidden = !moment.state.selected;
    parts.what.replaceChildren(...(q ? this.#title(moment, q) : ["Ready"]));
    setText(parts.say, this.sentence(moment));
    parts.derivation.replaceChildren(...(q ? this.#derivation(moment, q) : []));
    this.#links(parts.from, "Comes from", moment, q ? [...moment.sources] : []);
    this.#links(parts.used, "Is needed for", moment, q ? this.#users(moment, q) : []);
    this.#predicting(moment, q, asked === q?.name);
    this.app.editor(parts.editor, moment, q);
  }

  /**
   * @param {Moment} moment
   * @param {Quantity} q
   */
  #where(moment, q) {
    const all = moment.graph.operations;
    if (!q.expression) return "Given before the step";
    const at = all.indexOf(q) + 1;
    return `${moment.state.selected ? "Why this number" : "Now"} · ${phaseOf(q)} · operation ${at} of ${all.length}`;
  }

  /**
   * @param {Moment} moment
   * @param {Quantity} q
   */
  #title(moment, q) {
    const sign = math("math", {}, texElement(q.latex));
    const was = moment.before(q.name);
    const text = moment.text(q.name, true);
    const value = html("span", { class: text === UNKNOWN || text === NOT_YET ? "value unknown" : "value" }, text);
    return [sign, html("span", { class: "equals" }, "="), value, was ? html("span", { class: "was" }, `was ${was}`) : null].filter(Boolean);
  }

  /**
   * What happens and why it is done now, as a sentence.
   * @param {Moment} moment
   * @returns {string}
   */
  sentence(moment) {
    const q = moment.focus;
    const trouble = this.app.trouble(moment);
    if (!q) {
      const begun = moment.state.step
        ? `Step ${moment.state.step} begins: the new weights have replaced the old ones.`
        : "Inputs, targets and weights are given, nothing is computed yet.";
      return `${trouble}${begun} Go forward to do the first operation.`;
    }
    const words = this.app.words(q, moment);
    return `${trouble}${q.label}, ${q.meaning}. ${words}`;
  }

  /**
   * Symbols, then numbers, then the value, each on lines of its own.
   * @param {Moment} moment
   * @param {Quantity} q
   * @returns {any[]}
   */
  #derivation(moment, q) {
    if (!q.expression) return [];
    const functions = this.app.data.functions;
    const link = (/** @type {string} */ name) => this.#ref(name, moment);
    const symbols = {
      ref: (/** @type {string} */ name) => atomPiece(link(name)),
      number: (/** @type {number} */ value) => numberPiece(this.app.number(value)),
      functions,
    };
    const numbers = {
      ...symbols,
      ref: (/** @type {string} */ name) => {
        const written = numberPiece(moment.isHidden(name) ? UNKNOWN : moment.text(name));
        written.element.classList.add("ref");
        written.element.addEventListener("click", () => this.app.select(name));
        return written;
      },
    };
    const lines = [];
    const chain = this.#chain(q);
    const rule = sides(q.expression, symbols);
    if (chain && chain.textContent !== rule.map((side) => side.textContent).join("")) lines.push([chain]);
    lines.push(rule);
    const put = sides(q.expression, numbers);
    if (put.map((side) => side.textContent).join("") !== rule.map((side) => side.textContent).join("")) lines.push(put);
    const result = moment.text(q.name, true);
    if (result !== put.map((side) => side.textContent).join("")) lines.push([math("mn", { class: "result" }, result)]);
    return lines.flatMap((sidesOf, line) =>
      sidesOf.flatMap((side, at) => [
        html("div", { class: "left-side" }, line === 0 && at === 0 ? display(texElement(q.latex)) : ""),
        html("div", { class: at ? "right-side more" : "right-side" }, display(math("mrow", {}, at ? "" : math("mo", { form: "infix" }, "="), side))),
      ]),
    );
  }

  /**
   * The chain rule as a sum of products of partials.
   * @param {Quantity} q
   */
  #chain(q) {
    if (!q.chain.total) return null;
    const row = math("mrow");
    q.chain.products.forEach((product, at) => {
      if (at) row.append(math("mo", {}, "+"));
      if (at && at === q.chain.products.length - 1 && q.chain.total > q.chain.products.length) {
        row.append(math("mo", {}, "⋯"), math("mo", {}, "+"));
      }
      product.forEach((factor, place) => {
        if (place) row.append(math("mo", {}, "·"));
        const element = texElement(factor.latex);
        const { quantity } = factor;
        if (quantity) {
          element.classList.add("ref");
          element.addEventListener("click", () => this.app.select(quantity));
        }
        row.append(element);
      });
    });
    const { expression } = q;
    const divided = expression && "parts" in expression && expression.op === "/" && expression.parts[1];
    if (!divided || !("value" in divided)) return row;
    return math("mfrac", {}, row, math("mn", {}, String(divided.value)));
  }

  /**
   * @param {string} name
   * @param {Moment} moment
   */
  #ref(name, moment) {
    const element = texElement(moment.graph.byName.get(name)?.latex || name);
    const box = math("mrow", { class: "ref" }, element);
    box.addEventListener("click", () => this.app.select(name));
    return box;
  }

  /**
   * @param {Moment} moment
   * @param {Quantity} q
   */
  #users(moment, q) {
    const users = moment.graph.users.get(q.name) || [];
    const after = moment.graph.successors.get(q.name);
    return after && !users.includes(after) ? [...users, after] : users;
  }

  /**
   * @param {any} box
   * @param {string} title
   * @param {Moment} moment
   * @param {string[]} names
   */
  #links(box, title, moment, names) {
    box.hidden = !names.length;
    if (!names.length) return;
    const shownNames = names.slice(0, MOST_LINKS);
    const more = names.length - shownNames.length;
    box.replaceChildren(
      html("h3", {}, title),
      html(
        "ul",
        { class: "chips" },
        ...shownNames.map((name) => html("li", {}, this.app.chip(name, moment))),
        more ? html("li", { class: "quiet" }, `and ${more} more`) : null,
      ),
    );
  }

  /**
   * @param {Moment} moment
   * @param {Quantity | null} q
   * @param {boolean} same
   */
  #predicting(moment, q, same) {
    const { form, answer, verdict, hide, reveal } = this.parts;
    const asked = Boolean(q && moment.isHidden(q.name) && moment.isDone(q.name));
    form.hidden = !asked;
    hide.hidden = !q?.expression;
    const kept = Boolean(q && moment.state.hidden.includes(q.name));
    setText(hide, kept ? "Do not hide this value any more" : "Hide this value until it is typed");
    if (!same) {
      answer.value = "";
      setText(verdict, "");
      verdict.className = "said";
    }
    if (q && asked) setText(this.parts.asked, `Predict ${q.label}`);
    reveal.hidden = !asked;
  }

  #check() {
    const { moment, parts } = this;
    if (!moment?.focus) return;
    const q = moment.focus;
    const answer = typed(parts.answer.value);
    const { marking: rules } = this.app.data;
    if (answer === null) {
      this.#verdict("not yet", rules.noNumber);
      return;
    }
    const { verdict, words } = judged(answer, q, moment, this.app.catalogue, rules);
    if (verdict === "right") this.#reveal(`Right: ${q.label} is`);
    else this.#verdict("not yet", words ? `Not yet – ${words}` : this.#noName());
  }

  #noName() {
    return this.app.catalogue.empty
      ? "Not yet. In a network of this size no mistake is named; the derivation shows the rule."
      : "Not yet – no known mistake gives this number; the derivation shows the rule.";
  }

  /**
   * @param {string} kind
   * @param {string} words
   */
  #verdict(kind, words) {
    this.parts.verdict.className = `said ${kind.replace(" ", "-")}`;
    setText(this.parts.verdict, words);
  }

  /** @param {string} words */
  #reveal(words) {
    const { moment } = this;
    if (!moment?.focus) return;
    const { name } = moment.focus;
    this.app.reveal(name);
    const right = words.startsWith("Right");
    this.#verdict(right ? "right" : "shown", right ? `${words} ${this.moment?.text(name, true)}.` : words);
  }

  #hide() {
    const { moment } = this;
    if (!moment?.focus) return;
    const { name } = moment.focus;
    const { hidden } = moment.state;
    const next = hidden.includes(name) ? hidden.filter((one) => one !== name) : [...hidden, name];
    this.app.store.change({ hidden: next }, hidden.includes(name) ? `showing ${name}` : `hiding ${name}`);
  }
}

/**
 * An expression as one or more lines: a long sum is folded, of a very long one the middle is left out.
 * @param {import("./unpack.js").Node} node
 * @param {any} style
 * @returns {any[]}
 */
function sides(node, style) {
  const summed = "parts" in node && node.op === "+" ? node.parts : null;
  if (!summed || summed.length <= TERMS_A_LINE + 1) return [pieceOf(node, style).element];
  const left = summed.length > MOST_TERMS ? [...summed.slice(0, 2 * TERMS_A_LINE), null, summed[summed.length - 1]] : summed;
  const lines = [];
  for (let at = 0; at < left.length; at += TERMS_A_LINE) {
    const some = left.slice(at, at + TERMS_A_LINE);
    const row = math("mrow");
    some.forEach((term, place) => {
      if (term) row.append(...terms([term], style, at + place > 0));
      else row.append(math("mo", {}, "+"), math("mo", {}, "⋯"));
    });
    lines.push(row);
  }
  return lines;
}

/** @param {any} element */
function display(element) {
  return math("math", { displaystyle: "true" }, element);
}
