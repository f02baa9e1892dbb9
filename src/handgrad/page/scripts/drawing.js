// The network as a drawing: a card for every unit, an arrow for every weight, live numbers, the current operation lit.

import { setText, svg } from "./dom.js";

/** @typedef {import("./moment.js").Moment} Moment */
/** @typedef {import("./unpack.js").Quantity} Quantity */

/**
 * @typedef {{kind: string, layer?: number, unit?: number, sampled: boolean}} Line  what a line of a card shows
 * @typedef {{x: number, y: number, width: number, height: number, lines: Line[]}} Card
 * @typedef {{from: Card, to: Card, layer: number, unit: number, source: number, part: number, room: number}} Arrow
 * @typedef {{width: number, height: number, cards: Card[], arrows: Arrow[], joins: [Card, Card][], heads: {x: number, text: string, layer: number}[]}} Layout
 */

const LINE = 19;
const PAD = 7;
const HEAD = 40;
const ROOM_FOR_LABEL = 16;
const ROOM_FOR_TWO = 30;
const FEW_DIGITS = 4;
const MOST_DIGITS = 6;
const WIDER = 24;

/**
 * How many lines a card of a layer has: fewer where units are many, so that all stay legible.
 * @param {number} units
 * @param {number} most
 */
function detail(units, most) {
  if (units <= 4 || units * 3 <= most) return 3;
  return units <= 8 ? 2 : 1;
}

/**
 * Where everything stands, from the sizes of the layers alone.
 * @param {any} data
 * @param {boolean} narrow
 * @param {number} wider how much longer a number may be than one of four digits
 * @returns {Layout}
 */
function layOut(data, narrow, wider) {
  const sizes = data.sizes;
  const last = sizes.length - 1;
  const most = Math.max(...sizes);
  /** @type {Line[][][]} lines by layer and unit */
  const lines = sizes.map((/** @type {number} */ units, /** @type {number} */ layer) =>
    Array.from({ length: units }, (_, at) => linesOf(data, layer, at + 1, detail(units, most), narrow)),
  );
  const heights = lines.map((layer) => layer[0].length * LINE + 2 * PAD);
  const gaps = sizes.map((/** @type {number} */ units) => (units <= 2 ? 64 : units <= 4 ? 34 : units <= 8 ? 18 : 7));
  const tall = Math.max(...sizes.map((/** @type {number} */ units, /** @type {number} */ at) => units * (heights[at] + gaps[at])));
  const between = narrow ? 104 : Math.min(230, 124 + 10 * most);
  const width = 142 + wider;
  /** @type {Card[][]} */
  const columns = [];
  let x = 6;
  sizes.forEach((/** @type {number} */ units, /** @type {number} */ layer) => {
    const wide = layer === 0 ? (narrow ? 78 : 92) + wider / 2 : width;
    columns.push(column(lines[layer], x, wide, heights[layer], tall));
    x += wide + (layer < last ? between : 0);
  });
  const cards = columns.flat();
  /** @type {[Card, Card][]} */
  const joins = [];
  if (!narrow) {
    const outputs = columns[last];
    const errors = outputs.map((card, at) => {
      const own = [
        { kind: "target", unit: at + 1, sampled: true },
        { kind: "error", layer: last, unit: at + 1, sampled: true },
      ];
      const height = 2 * LINE + 2 * PAD;
      return { x: x + 44, y: card.y + card.height / 2 - height / 2, width: 122 + wider, height, lines: own };
    });
    const total = { x: x + 44 + 122 + wider + 34, y: HEAD + tall / 2 - LINE / 2 - PAD, width: 132 + wider, height: LINE + 2 * PAD, lines: [{ kind: "total", sampled: false }] };
    outputs.forEach((card, at) => joins.push([card, errors[at]], [errors[at], total]));
    cards.push(...errors, total);
    x = total.x + total.width;
  }
  const arrows = [];
  for (let layer = 1; layer <= last; layer++) arrows.push(...arrowsInto(columns[layer - 1], columns[layer], layer));
  const heads = columns.map((cardsOf, layer) => ({ x: cardsOf[0].x + cardsOf[0].width / 2, text: headOf(layer, last), layer }));
  return { width: x + 6, height: HEAD + tall + 6, cards, arrows, joins, heads };
}

/**
 * @param {number} layer
 * @param {number} last
 */
function headOf(layer, last) {
  if (layer === 0) return "inputs";
  if (layer === last) return "outputs";
  return last > 2 ? `hidden ${layer}` : "hidden";
}

/**
 * @param {any} data
 * @param {number} layer
 * @param {number} unit
 * @param {number} most
 * @param {boolean} narrow
 * @returns {Line[]}
 */
function linesOf(data, layer, unit, most, narrow) {
  if (layer === 0) return [{ kind: "input", unit, sampled: true }];
  /** @type {Line[]} */
  const all = [{ kind: "activation", layer, unit, sampled: true }];
  if (most > 2) all.unshift({ kind: "pre-activation", layer, unit, sampled: true });
  if (most > 2 && data.bias === "neuron") all.unshift({ kind: "bias", layer, unit, sampled: false });
  if (most > 1) all.push({ kind: "delta", layer, unit, sampled: true });
  if (narrow && layer === data.sizes.length - 1) {
    all.push({ kind: "target", unit, sampled: true }, { kind: "error", layer, unit, sampled: true });
  }
  return all;
}

/**
 * Cards one below the other, centred.
 * @param {Line[][]} lines
 * @param {number} x
 * @param {number} width
 * @param {number} height
 * @param {number} tall
 * @returns {Card[]}
 */
function column(lines, x, width, height, tall) {
  const every = Math.min(tall / lines.length, height + (lines.length <= 4 ? 90 : 26));
  const top = HEAD + (tall - every * lines.length) / 2 + (every - height) / 2;
  return lines.map((own, at) => ({ x, y: top + at * every, width, height, lines: own }));
}

/**
 * @param {Card[]} before
 * @param {Card[]} after
 * @param {number} layer
 * @returns {Arrow[]}
 */
function arrowsInto(before, after, layer) {
  const middle = (/** @type {Card} */ card) => card.y + card.height / 2;
  const room = (/** @type {number} */ part) => {
    const all = before.flatMap((a) => after.map((b) => middle(a) * (1 - part) + middle(b) * part)).toSorted((p, q) => p - q);
    return all.slice(1).reduce((least, y, at) => Math.min(least, y - all[at]), 1e3);
  };
  // A label is some 80 wide, and covers neither card.
  const edge = Math.min(0.45, 46 / (after[0].x - before[0].x - before[0].width));
  let best = edge;
  for (let part = edge; part <= 1 - edge; part += 0.02) if (room(part) > room(best) + 1e-6) best = part;
  return after.flatMap((to, unit) =>
    before.map((from, source) => ({ from, to, layer, unit: unit + 1, source: source + 1, part: best, room: room(best) })),
  );
}

export class Drawing {
  /**
   * @param {HTMLElement} box
   * @param {any} data
   * @param {(name: string) => void} select
   */
  constructor(box, data, select) {
    this.box = box;
    this.data = data;
    this.select = select;
    /** @type {boolean | null} */
    this.narrow = null;
    this.digits = FEW_DIGITS;
    this.labelled = false;
    /** @type {((moment: Moment) => void)[]} */
    this.updates = [];
    /** @type {Moment | null} */
    this.moment = null;
    new ResizeObserver(() => this.#resize()).observe(box);
  }

  #resize() {
    const narrow = this.box.clientWidth < 700 && this.data.sizes.length <= 4;
    if (narrow !== this.narrow && this.moment) this.update(this.moment);
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    const narrow = this.box.clientWidth < 700 && this.data.sizes.length <= 4;
    // All digits stand in the panel and in the table: a drawing of them, above all on a telephone, would be numbers alone.
    const digits = narrow ? FEW_DIGITS : Math.min(MOST_DIGITS, moment.state.format.digits);
    if (narrow !== this.narrow || digits !== this.digits) {
      this.narrow = narrow;
      this.digits = digits;
      this.#draw(layOut(this.data, narrow, digits > FEW_DIGITS ? WIDER : 0));
    }
    for (const update of this.updates) update(moment);
  }

  /** @param {Layout} layout */
  #draw(layout) {
    this.updates = [];
    this.labelled = layout.arrows.length > 0 && layout.arrows.every((arrow) => arrow.room >= ROOM_FOR_LABEL);
    const root = svg("svg", {
      viewBox: `0 0 ${layout.width} ${layout.height}`,
      role: "group",
      "aria-label": "The network, with its current numbers; arrow keys move from number to number",
      style: `min-width:${leastWidth(layout.width)}px;max-width:${Math.round(layout.width * 1.35)}px`,
      class: this.narrow ? "network narrow" : "network",
      keydown: (/** @type {KeyboardEvent} */ event) => this.#walk(event, root),
    });
    const [lines, labels, cards] = [svg("g"), svg("g"), svg("g")];
    for (const [from, to] of layout.joins) lines.append(curve(from, to, "join"));
    for (const arrow of layout.arrows) this.#arrow(arrow, lines, labels);
    for (const card of layout.cards) cards.append(this.#card(card));
    root.append(lines, labels, cards);
    for (const head of layout.heads) this.#head(head, root);
    this.box.replaceChildren(root);
  }

  /**
   * @param {{x: number, text: string, layer: number}} head
   * @param {any} root
   */
  #head(head, root) {
    const second = svg("text", { x: head.x, y: 28, class: "head two" });
    root.append(svg("text", { x: head.x, y: 12, class: "head" }, head.text), second);
    this.updates.push((moment) => {
      if (!head.layer) return;
      const bias = moment.find("bias", { layer: head.layer });
      const shared = bias ? ` · ${bias.label} ${moment.text(bias.name, false, this.digits)}` : "";
      setText(second, moment.state.choices.activations[head.layer - 1] + shared);
      second.classList.toggle("lit", Boolean(bias && isLit(moment, bias.name)));
    });
  }

  /**
   * @param {Card} card
   * @returns {any}
   */
  #card(card) {
    const group = svg("g", { class: "unit" });
    group.append(svg("rect", { x: card.x, y: card.y, width: card.width, height: card.height, rx: 8, class: "card-box" }));
    card.lines.forEach((line, at) => {
      const y = card.y + PAD + at * LINE;
      const back = svg("rect", { x: card.x + 3, y, width: card.width - 6, height: LINE, rx: 4, class: "line-back" });
      const name = svg("text", { x: card.x + 10, y: y + 14, class: "name" });
      const value = svg("text", { x: card.x + card.width - 9, y: y + 14, class: "value" });
      const item = this.#item([back, name, " ", value]);
      group.append(item);
      this.updates.push((moment) => {
        const sample = line.sampled ? moment.sample : 0;
        const q = moment.find(line.kind, { layer: line.layer, unit: line.unit, sample });
        item.style.display = q ? "" : "none";
        if (q) this.#fill(item, q, moment, name, value);
      });
    });
    this.updates.push((moment) => group.classList.toggle("lit", concerns(moment, card)));
    return group;
  }

  /**
   * Something that can be pressed to ask where it comes from.
   * @param {any[]} parts
   */
  #item(parts) {
    const item = svg("g", { role: "button", tabindex: "-1", class: "number" }, ...parts);
    const press = () => item.dataset.name && this.select(item.dataset.name);
    item.addEventListener("click", press);
    item.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        press();
      }
    });
    return item;
  }

  /**
   * @param {any} item
   * @param {Quantity} q
   * @param {Moment} moment
   * @param {any} name
   * @param {any} value
   */
  #fill(item, q, moment, name, value) {
    item.dataset.name = q.name;
    setLabel(name, q.label.replace(/\[\d+\]/g, ""));
    const text = moment.text(q.name, true, this.digits);
    setText(value, text);
    // Begins with what is seen, which people who speak to their computer say.
    item.setAttribute("aria-label", `${name.textContent} ${text}, ${q.meaning}`);
    mark(item, q.name, moment);
  }

  /**
   * @param {Arrow} arrow
   * @param {any} lines
   * @param {any} labels
   */
  #arrow(arrow, lines, labels) {
    const line = curve(arrow.from, arrow.to, "weight");
    lines.append(line);
    const [x1, y1] = [arrow.from.x + arrow.from.width, arrow.from.y + arrow.from.height / 2];
    const [x2, y2] = [arrow.to.x, arrow.to.y + arrow.to.height / 2];
    const [x, y] = [x1 + (x2 - x1) * arrow.part, y1 + (y2 - y1) * arrow.part];
    const text = svg("text", { x, y: y + 4, class: "on-arrow" });
    const slope = svg("text", { x, y: y + 17, class: "on-arrow slope" });
    const item = this.#item([text, " ", slope]);
    labels.append(item);
    line.addEventListener("click", () => item.dataset.name && this.select(item.dataset.name));
    this.updates.push((moment) => {
      const q = moment.find("weight", arrow);
      if (!q) return;
      const after = moment.graph.successors.get(q.name) || "";
      const gradient = moment.find("gradient", arrow);
      const lit = isLit(moment, q.name) || isLit(moment, after) || Boolean(gradient && isLit(moment, gradient.name));
      item.dataset.name = q.name;
      const number = (/** @type {string} */ name) => moment.text(name, false, this.digits);
      const moved = lit && after && moment.isDone(after) && !moment.isHidden(after);
      const known = gradient && moment.isDone(gradient.name) && (lit || (arrow.room >= ROOM_FOR_TWO && !this.narrow));
      setText(text, `${q.label} ${number(q.name)}`);
      // Below the weight, since beside it there are cards: what it becomes, or its derivative.
      setText(slope, moved ? `→ ${number(after)}` : known ? `∂ ${number(gradient.name)}` : "");
      item.setAttribute("aria-label", `${text.textContent} ${slope.textContent}, ${q.meaning}`.replace(" ,", ","));
      item.classList.toggle("shown", Boolean(this.labelled) || lit);
      mark(item, q.name, moment);
      paint(line, moment, q, lit);
      if (lit) labels.append(item);
    });
  }

  /**
   * Arrow keys go to the nearest number in their direction.
   * @param {KeyboardEvent} event
   * @param {any} root
   */
  #walk(event, root) {
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const here = document.activeElement?.closest(".number");
    if (!direction || !here || !root.contains(here)) return;
    event.preventDefault();
    event.stopPropagation();
    const from = centre(here);
    const all = [...root.querySelectorAll(".number")].filter((item) => item !== here && item.dataset.name && item.getBBox().width);
    const costs = all.map((item) => cost(from, centre(item), direction));
    const best = costs.indexOf(Math.min(...costs));
    if (best >= 0 && Number.isFinite(costs[best])) {
      here.setAttribute("tabindex", "-1");
      all[best].setAttribute("tabindex", "0");
      all[best].focus();
    }
  }
}

/**
 * How narrow a drawing may become before one scrolls it: it fits on a telephone where it stays legible.
 * @param {number} width
 */
function leastWidth(width) {
  return Math.round(Math.max(0.6 * width, Math.min(0.7 * width, 355)));
}

/**
 * A label with what follows its underscore set lower.
 * @param {any} element
 * @param {string} label
 */
function setLabel(element, label) {
  if (element.dataset.label === label) return;
  element.dataset.label = label;
  const [base, lower] = label.split("_");
  element.replaceChildren(base, ...(lower ? [svg("tspan", { dy: 3, class: "lower" }, lower)] : []));
}

/** @param {any} item @returns {[number, number]} */
function centre(item) {
  const box = item.getBBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
}

/**
 * How far a place is in a direction; infinite behind.
 * @param {[number, number]} from
 * @param {[number, number]} to
 * @param {number[]} direction
 */
function cost(from, to, direction) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = dx * direction[0] + dy * direction[1];
  const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
  return along > 2 ? along + 2.5 * aside : Number.POSITIVE_INFINITY;
}

/**
 * @param {Card} from
 * @param {Card} to
 * @param {string} kind
 */
function curve(from, to, kind) {
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  return svg("path", { d: `M${x1} ${y1.toFixed(1)}L${x2} ${y2.toFixed(1)}`, class: kind });
}

/**
 * Whether a number belongs to what is being looked at.
 * @param {Moment} moment
 * @param {string} name
 */
function isLit(moment, name) {
  return moment.focus?.name === name || moment.sources.has(name);
}

/**
 * Whether a card's unit is where the current operation takes place, though no line of it shows that very number.
 * @param {Moment} moment
 * @param {Card} card
 */
function concerns(moment, card) {
  const { focus } = moment;
  const [line] = card.lines;
  return Boolean(focus && focus.layer && line.layer === focus.layer && line.unit === focus.unit && /slope|softmax|delta|activation/.test(focus.kind));
}

/**
 * @param {any} item
 * @param {string} name
 * @param {Moment} moment
 */
function mark(item, name, moment) {
  const focused = moment.focus?.name === name;
  item.classList.toggle("now", focused);
  item.classList.toggle("source", moment.sources.has(name));
  item.classList.toggle("later", !moment.isDone(name));
  item.classList.toggle("hidden-value", moment.isHidden(name));
  item.classList.toggle("changed", moment.before(name) !== "");
  if (focused || (!moment.focus && name === "i1")) item.setAttribute("tabindex", "0");
  else if (document.activeElement !== item) item.setAttribute("tabindex", "-1");
}

/**
 * An arrow is wider for a larger weight, dashed below 0.
 * @param {any} line
 * @param {Moment} moment
 * @param {Quantity} q
 * @param {boolean} lit
 */
function paint(line, moment, q, lit) {
  const value = moment.value(q.name);
  const strength = Math.min(1, Math.abs(value) / largestWeight(moment));
  line.classList.toggle("negative", value < 0);
  line.classList.toggle("lit", lit);
  line.style.strokeWidth = String(lit ? 3 : 0.7 + 2 * (Number.isFinite(strength) ? strength : 1));
}

/** @type {{moment: Moment | null, most: number}} */
const largest = { moment: null, most: 1 };

/** @param {Moment} moment */
function largestWeight(moment) {
  if (largest.moment !== moment) {
    const all = moment.graph.list.filter((q) => q.kind === "weight").map((q) => Math.abs(moment.value(q.name)));
    largest.moment = moment;
    largest.most = all.reduce((most, value) => (value > most && Number.isFinite(value) ? value : most), 1e-12);
  }
  return largest.most;
}
