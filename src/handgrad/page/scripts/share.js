// A link, a command, a file: the state of the page taken elsewhere.

import { setText } from "./dom.js";
import { stepsOfBook, toCommand, toHash, toToml } from "./link.js";

/**
 * Put text on the clipboard; where the browser does not allow it, show it to be copied by hand.
 * @param {string} text
 * @param {any} parts
 * @param {string} done
 */
async function copy(text, parts, done) {
  parts.text.value = text;
  parts.text.rows = Math.min(14, text.split("\n").length);
  try {
    await navigator.clipboard.writeText(text);
    setText(parts.told, done);
  } catch {
    setText(parts.told, "Copy it from the box below.");
  }
  parts.box.hidden = false;
}

export class Share {
  /**
   * @param {Record<string, any>} parts
   * @param {any} app
   */
  constructor(parts, app) {
    this.parts = parts;
    this.app = app;
    parts.link.addEventListener("click", () => {
      const address = window.location.href.replace(/#.*$/, "") + toHash(app.store.state, app.first);
      copy(address, parts, "The link is copied: it opens this page as it is now.");
    });
    parts.command.addEventListener("click", () => {
      const { state } = app.store;
      const command = toCommand(state, app.first, app.data);
      if (command) copy(command, parts, "The command is copied: it writes the workbook of this state.");
      else {
        const text = `# Save as mine.toml, then: handgrad backprop mine.toml --steps ${stepsOfBook(state)}\n${toToml(state, app.data)}`;
        copy(text, parts, "The network is copied as a file for handgrad backprop; its first line says the command.");
      }
    });
    parts.print.addEventListener("click", () => window.print());
    parts.close.addEventListener("click", () => {
      parts.box.hidden = true;
    });
    for (const element of [parts.digits, parts.mark]) {
      element.addEventListener("change", () =>
        app.store.change({ format: { digits: Number(parts.digits.value), comma: parts.mark.value === "," } }),
      );
    }
    parts.theme.addEventListener("change", () => this.#theme(parts.theme.value, true));
    this.#theme(kept("theme") || "auto", false);
  }

  /**
   * @param {string} theme
   * @param {boolean} keep
   */
  #theme(theme, keep) {
    const known = ["light", "dark"].includes(theme) ? theme : "auto";
    this.parts.theme.value = known;
    if (known === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", known);
    if (keep) remember("theme", known);
  }

  /** @param {import("./moment.js").Moment} moment */
  update(moment) {
    this.parts.digits.value = String(moment.state.format.digits);
    this.parts.mark.value = moment.state.format.comma ? "," : ".";
  }
}

/**
 * What the browser keeps for this page; nothing where it keeps nothing.
 * @param {string} name
 */
function kept(name) {
  try {
    return window.localStorage.getItem(`handgrad-${name}`);
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function remember(name, value) {
  try {
    window.localStorage.setItem(`handgrad-${name}`, value);
  } catch {
    // Private windows keep nothing; the choice holds until the page is closed.
  }
}
