// What a lesson is at a moment, as plain data: everything that a link holds. Changes go through a store that can undo.

/** @typedef {import("./graph.js").Choices} Choices */
/** @typedef {import("./numbers.js").Format} Format */

/**
 * @typedef {{
 *   choices: Choices, given: Record<string, number>, step: number, done: number, selected: string | null,
 *   format: Format, rates: number[], rateSteps: number, log: boolean, weight: string, nudge: number,
 *   predict: boolean, hidden: string[],
 * }} State
 */

/**
 * The state that a page opens with.
 * @param {any} data
 * @returns {State}
 */
export function firstState(data) {
  return {
    choices: { ...data.choices, activations: [...data.choices.activations] },
    given: { ...data.step.values, ...data.settings },
    step: 0,
    done: 0,
    selected: null,
    format: { digits: 4, comma: false },
    rates: [...data.rates],
    rateSteps: data.rateSteps,
    log: false,
    weight: data.weight,
    nudge: 0.001,
    predict: false,
    hidden: [],
  };
}

const MOST_UNDONE = 200;

export class Store {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    /** @type {{state: State, what: string}[]} */
    this.past = [];
    /** @type {{state: State, what: string}[]} */
    this.future = [];
    /** @type {((state: State, before: State) => void)[]} */
    this.listeners = [];
    this.merging = "";
  }

  /**
   * Change something; with words for it, it can be undone. Changes of one thing in a row (a slider) are undone as one.
   * @param {Partial<State>} patch
   * @param {string} [what]
   */
  change(patch, what = "") {
    const before = this.state;
    if (what && what !== this.merging) {
      this.past.push({ state: before, what });
      if (this.past.length > MOST_UNDONE) this.past.shift();
    }
    if (what) this.future = [];
    this.merging = what;
    // A new object each time: whoever listens sees by identity what has changed.
    this.state = { ...before, ...patch };
    this.#tell(before);
  }

  /** @returns {string} what was undone, empty where there was nothing */
  undo() {
    return this.#move(this.past, this.future);
  }

  /** @returns {string} what was done again */
  redo() {
    return this.#move(this.future, this.past);
  }

  /**
   * @param {{state: State, what: string}[]} from
   * @param {{state: State, what: string}[]} to
   */
  #move(from, to) {
    const entry = from.pop();
    if (!entry) return "";
    const before = this.state;
    to.push({ state: before, what: entry.what });
    // Where one is in the step stays; what was set goes back.
    const { step, done, selected } = before;
    this.state = { ...entry.state, step, done, selected };
    this.merging = "";
    this.#tell(before);
    return entry.what;
  }

  /** @param {State} before */
  #tell(before) {
    for (const listener of this.listeners) listener(this.state, before);
  }
}
