// The LaTeX of symbols and functions as MathML. It is written by our own renderings, so a small part of LaTeX is enough.

import { math } from "./dom.js";

/** @type {Record<string, string>} */
const SIGNS = {
  partial: "∂", delta: "δ", sigma: "σ", eta: "η", mu: "μ", beta: "β", epsilon: "ε", Sigma: "Σ", cdot: "·", sum: "∑",
};
const WORDS = new Set(["ln", "max", "exp", "tanh"]);
const TOKEN = /\\left|\\right|\\[a-zA-Z]+|\\.|[{}^_]|\d+(?:\.\d+)?|⟨\w+⟩|\S/gu;

/**
 * @param {string} text
 * @param {Record<string, () => any>} [slots] what stands for ⟨x⟩ and the like
 * @returns {any} a MathML element
 */
export function texElement(text, slots = {}) {
  const tokens = text.match(TOKEN) || [];
  let at = 0;

  /** @param {string} end @returns {any} */
  function row(end) {
    /** @type {any[]} */
    const parts = [];
    while (at < tokens.length && tokens[at] !== end) {
      const token = tokens[at];
      if (token === "^" || token === "_") {
        at += 1;
        const base = parts.pop() || math("mrow");
        parts.push(script(base, token, single()));
      } else parts.push(single());
    }
    at += 1;
    return parts.length === 1 ? parts[0] : math("mrow", {}, ...parts);
  }

  /**
   * @param {any} base
   * @param {string} mark
   * @param {any} raised
   */
  function script(base, mark, raised) {
    if (mark === "^" && base.localName === "msub") return math("msubsup", {}, base.firstChild, base.lastChild, raised);
    return math(mark === "^" ? "msup" : "msub", {}, base, raised);
  }

  /** @returns {any} */
  function single() {
    const token = tokens[at++];
    if (token === "{") return row("}");
    if (token === "\\frac") return math("mfrac", {}, single(), single());
    if (token === "\\sqrt") return math("msqrt", {}, single());
    if (token === "\\mathrm") return math("mtext", {}, single().textContent);
    if (token === "\\left" || token === "\\right") return single();
    if (token.startsWith("⟨") && slots[token]) return slots[token]();
    return sign(token);
  }

  /** @param {string} token */
  function sign(token) {
    const word = token.slice(1);
    if (token.startsWith("\\")) {
      if (SIGNS[word]) return /[·∑]/.test(SIGNS[word]) ? math("mo", {}, SIGNS[word]) : math("mi", {}, SIGNS[word]);
      return WORDS.has(word) ? math("mi", {}, word) : math("mtext", {}, " ");
    }
    if (/^[\d.]+$/.test(token)) return math("mn", {}, token);
    if (/^\p{L}$/u.test(token)) return math("mi", {}, token);
    return math("mo", { stretchy: token === "(" || token === ")" ? "false" : null }, token === "-" ? "−" : token);
  }

  return row("");
}
