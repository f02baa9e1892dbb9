// Every quantity of the step in a table, in the order in which it is computed; the current one is lit.

import { html, setText } from "./dom.js";
import { phaseOf } from "./moment.js";

/** @typedef {import("./moment.js").Moment} Moment */
/** @typedef {import("./unpack.js").Quantity} Quantity */

const MOST_ROWS = 150;

/**
 * @param {Quantity} q
 * @returns {string}
 */
function groupOf(q) {
  if (q.expression) return phaseOf(q);
  return { setting: "Settings", input: "Data", target: "Data", memory: "Memory" }[q.kind] || "Weights and biases";
}

export class Table {
  /**
   * @param {any} box
   * @param {any} app
   */
  constructor(box, app) {
    this.box = box;
    this.app = app;
    /** @type {import("./graph.js").Graph | null} */
    this.graph = null;
    /** @type {{details: any, rows: Map<string, any>, list: Quantity[], body: any}[]} */
    this.groups = [];
    /** @type {Moment | null} */
    this.moment = null;
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    if (moment.graph !== this.graph) this.#build(moment);
    this.graph = moment.graph;
    for (const group of this.groups) {
      const lit = Boolean(moment.focus && group.list.includes(moment.focus));
      group.details.classList.toggle("lit", lit);
      if (group.details.open) this.#fill(group, moment);
    }
  }

  /** @param {Moment} moment */
  #build(moment) {
    const opened = new Map(this.groups.map((group) => [group.details.dataset.name, group.details.open]));
    /** @type {Map<string, Quantity[]>} */
    const byGroup = new Map();
    for (const q of moment.graph.list) byGroup.set(groupOf(q), [...(byGroup.get(groupOf(q)) || []), q]);
    const many = moment.graph.list.length > MOST_ROWS;
    this.groups = [...byGroup].map(([name, list]) => {
      const body = html("tbody");
      const head = html("thead", {}, html("tr", {}, ...["quantity", "value", "was", "what it is"].map((text) => html("th", { scope: "col", class: text === "was" ? "was-cell" : null }, text))));
      const open = opened.get(name) ?? (!many || name === "Forward");
      const details = html(
        "details",
        { class: "quantities", open, "data-name": name },
        html("summary", {}, name, html("span", { class: "quiet" }, ` ${list.length}`)),
        html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}: all quantities` }, html("table", {}, head, body)),
      );
      const group = { details, rows: new Map(), list, body };
      details.addEventListener("toggle", () => this.moment && details.open && this.#fill(group, this.moment));
      return group;
    });
    this.box.replaceChildren(...this.groups.map((group) => group.details));
  }

  /**
   * @param {{details: any, rows: Map<string, any>, list: Quantity[], body: any}} group
   * @param {Moment} moment
   */
  #fill(group, moment) {
    if (!group.rows.size) {
      for (const q of group.list) {
        const row = this.#row(q);
        group.rows.set(q.name, row);
        group.body.append(row.root);
      }
    }
    let changed = false;
    for (const q of group.list) {
      const row = group.rows.get(q.name);
      setText(row.value, moment.text(q.name, true));
      setText(row.was, moment.before(q.name));
      const now = moment.focus?.name === q.name;
      row.root.classList.toggle("now", now);
      row.root.classList.toggle("source", moment.sources.has(q.name));
      row.root.classList.toggle("later", !moment.isDone(q.name));
      row.root.classList.toggle("changed", row.was.textContent !== "");
      changed ||= row.was.textContent !== "";
      if (now) row.button.setAttribute("aria-current", "step");
      else row.button.removeAttribute("aria-current");
    }
    group.details.classList.toggle("has-changed", changed);
  }

  /** @param {Quantity} q */
  #row(q) {
    const button = html("button", { type: "button", class: "link", click: () => this.app.select(q.name) }, q.label);
    const value = html("td", { class: "numeral" });
    const was = html("td", { class: "numeral quiet was-cell" });
    const root = html("tr", {}, html("th", { scope: "row" }, button), value, was, html("td", { class: "quiet meaning" }, q.meaning));
    return { root, button, value, was };
  }
}
