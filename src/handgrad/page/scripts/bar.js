// The way through a step: one operation, a whole step, ten, run and pause, back to the beginning; undo.

import { setText } from "./dom.js";
import { phaseOf } from "./moment.js";

/** @typedef {import("./moment.js").Moment} Moment */

const STEPS_A_SECOND = 8;

export class Bar {
  /**
   * @param {Record<string, any>} parts
   * @param {any} app
   */
  constructor(parts, app) {
    this.parts = parts;
    this.app = app;
    this.timer = 0;
    this.shown = "";
    /** @type {Moment | null} */
    this.moment = null;
    const press = (/** @type {string} */ name, /** @type {() => void} */ action) =>
      parts[name].addEventListener("click", action);
    press("back", () => this.back());
    press("forward", () => this.forward());
    press("whole", () => this.steps(1));
    press("ten", () => this.steps(10));
    press("run", () => (this.timer ? this.pause() : this.start()));
    press("reset", () => this.reset());
    press("undo", () => app.undo());
    press("redo", () => app.redo());
    parts.line.addEventListener("input", () => {
      this.pause();
      app.store.change({ done: Number(parts.line.value), selected: null });
    });
    parts.step.addEventListener("change", () => this.#typed());
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    const { parts } = this;
    const all = moment.graph.operations.length;
    parts.line.max = String(all);
    parts.line.value = String(moment.done);
    const now = moment.current;
    parts.line.setAttribute("aria-valuetext", now ? `operation ${moment.done} of ${all}: ${now.label}` : `0 of ${all}`);
    if (document.activeElement !== parts.step) parts.step.value = String(moment.state.step);
    setText(parts.at, now ? `${moment.done} / ${all} · ${now.label}` : `0 / ${all}`);
    parts.back.disabled = !moment.done && !moment.state.step;
    parts.undo.disabled = !this.app.store.past.length;
    parts.redo.disabled = !this.app.store.future.length;
    parts.undo.title = this.app.store.past.length ? `Undo ${this.app.store.past.at(-1).what} (Ctrl+Z)` : "Nothing to undo";
    this.#phases(moment);
  }

  /** @param {Moment} moment */
  #phases(moment) {
    /** @type {{phase: string, count: number, from: number}[]} */
    const runs = [];
    moment.graph.operations.forEach((q, at) => {
      const phase = phaseOf(q);
      const last = runs[runs.length - 1];
      if (last?.phase === phase) last.count += 1;
      else runs.push({ phase, count: 1, from: at });
    });
    const here = runs.findLastIndex((run) => run.from < moment.done);
    const key = JSON.stringify([runs, here]);
    if (this.shown === key) return;
    this.shown = key;
    // Too many parts (samples, one after the other) have no room for their names.
    const named = runs.length <= 12;
    this.parts.phases.replaceChildren(
      ...runs.map((run, at) => {
        const span = document.createElement("span");
        span.textContent = named ? run.phase : "";
        span.title = run.phase;
        span.style.flexGrow = String(run.count);
        span.className = at === here && moment.done ? "lit" : "";
        return span;
      }),
    );
  }

  forward() {
    this.pause();
    const { moment, app } = this;
    if (!moment) return;
    const all = moment.graph.operations.length;
    if (moment.done < all) app.store.change({ done: moment.done + 1, selected: null });
    else this.#go({ step: moment.state.step + 1, done: 0 });
  }

  back() {
    this.pause();
    const { moment, app } = this;
    if (!moment) return;
    if (moment.done) app.store.change({ done: moment.done - 1, selected: null });
    else if (moment.state.step) this.#go({ step: moment.state.step - 1, done: moment.graph.operations.length });
  }

  /**
   * Finish the step that has begun, then whole steps.
   * @param {number} count
   */
  steps(count) {
    this.pause();
    this.#steps(count);
  }

  /** @param {number} count */
  #steps(count) {
    const { moment } = this;
    if (!moment) return;
    const all = moment.graph.operations.length;
    const rest = moment.done < all ? 1 : 0;
    this.#go({ step: moment.state.step + count - rest, done: all });
  }

  /** @param {{step: number, done: number}} place */
  #go(place) {
    this.app.store.change({ ...place, selected: null });
  }

  start() {
    this.parts.run.setAttribute("aria-pressed", "true");
    setText(this.parts.run.querySelector(".word"), "Pause");
    this.timer = window.setInterval(() => {
      this.#steps(1);
      if (this.moment && this.moment.training.diverged >= 0) this.pause();
    }, 1000 / STEPS_A_SECOND);
  }

  pause() {
    if (!this.timer) return;
    window.clearInterval(this.timer);
    this.timer = 0;
    this.parts.run.setAttribute("aria-pressed", "false");
    setText(this.parts.run.querySelector(".word"), "Run");
  }

  reset() {
    this.pause();
    this.app.reset();
  }

  #typed() {
    const step = Number(this.parts.step.value.replace(/\s/g, ""));
    const { moment } = this;
    if (moment && Number.isInteger(step) && step >= 0 && step <= 100_000) {
      this.#go({ step, done: moment.graph.operations.length });
    } else if (moment) this.parts.step.value = String(moment.state.step);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    // Where something is typed or slid the arrows belong to it, and in a field of text undo does too.
    const typing = target.closest("input, select, textarea, [role=slider], .number");
    const control = event.ctrlKey || event.metaKey;
    if (control && !typing?.matches("input[type=text], textarea")) {
      if (event.key === "z" && !event.shiftKey) this.#do(event, () => this.app.undo());
      else if (event.key === "y" || (event.key === "Z" && event.shiftKey)) this.#do(event, () => this.app.redo());
      return;
    }
    if (typing || control || event.altKey) return;
    if (event.key === "ArrowRight") this.#do(event, () => (event.shiftKey ? this.steps(1) : this.forward()));
    else if (event.key === "ArrowLeft") this.#do(event, () => this.back());
  }

  /**
   * @param {KeyboardEvent} event
   * @param {() => void} action
   */
  #do(event, action) {
    event.preventDefault();
    action();
  }
}
