// An expression as MathML, in symbols or with numbers put in. Brackets as in symbols/expression.py.

import { math } from "./dom.js";
import { texElement } from "./tex.js";

/** @typedef {import("./unpack.js").Node} Node */

/**
 * @typedef {{element: any, level: number}} Piece
 * @typedef {{ref: (name: string) => Piece, number: (value: number) => Piece, functions: Record<string, string>}} Style
 */

const LEVEL = { sum: 0, minus: 1, product: 2, power: 3, atom: 4 };

/** @param {string} sign */
const operator = (sign) => math("mo", {}, sign);

/**
 * @param {Piece} piece
 * @param {number} level
 */
function held(piece, level) {
  if (piece.level >= level) return piece.element;
  return math("mrow", {}, math("mo", { stretchy: "false" }, "("), piece.element, math("mo", { stretchy: "false" }, ")"));
}

/**
 * A written number; a minus before it is a level of its own, a power of ten a product.
 * @param {string} text
 * @returns {Piece}
 */
export function numberPiece(text) {
  const element = math("mn", {}, text);
  const level = text.startsWith("−") ? LEVEL.minus : text.includes("·") ? LEVEL.product : LEVEL.atom;
  return { element, level };
}

/**
 * @param {any} element
 * @returns {Piece}
 */
export function atomPiece(element) {
  return { element, level: LEVEL.atom };
}

/**
 * @param {Node} node
 * @param {Style} style
 * @returns {Piece}
 */
export function pieceOf(node, style) {
  if ("name" in node) return style.ref(node.name);
  if ("value" in node) return style.number(node.value);
  const [first, second] = node.parts;
  switch (node.op) {
    case "+":
      return { element: math("mrow", {}, ...terms(node.parts, style)), level: LEVEL.sum };
    case "-":
      return { element: math("mrow", {}, operator("−"), held(pieceOf(first, style), LEVEL.atom)), level: LEVEL.minus };
    case "*":
      return { element: math("mrow", {}, ...product(node.parts, style)), level: LEVEL.product };
    case "/":
      return {
        element: math("mfrac", {}, pieceOf(first, style).element, pieceOf(second, style).element),
        level: LEVEL.power,
      };
    case "^":
      return {
        element: math("msup", {}, scripted(pieceOf(first, style)), pieceOf(second, style).element),
        level: LEVEL.power,
      };
  }
  return called(node.op, node.parts, style);
}

/**
 * What has a raised or lowered sign itself takes brackets before another is put on it.
 * @param {Piece} base
 */
function scripted(base) {
  const bare = base.element.querySelector?.("msup, msubsup, mfrac") || /^(msup|msubsup|mfrac)$/.test(base.element.localName);
  return held(base, bare ? LEVEL.atom + 1 : LEVEL.atom);
}

/**
 * @param {Node[]} parts
 * @param {Style} style
 */
function product(parts, style) {
  return parts.flatMap((part, at) => {
    const factor = held(pieceOf(part, style), LEVEL.power);
    return at ? [operator("·"), factor] : [factor];
  });
}

/**
 * The terms of a sum with the signs between them.
 * @param {Node[]} parts
 * @param {Style} style
 * @param {boolean} [follows] whether they go on with a sum begun before
 * @returns {any[]}
 */
export function terms(parts, style, follows = false) {
  return parts.flatMap((term, at) => {
    if (at === 0 && !follows) return [held(pieceOf(term, style), LEVEL.minus)];
    const minus = "parts" in term && term.op === "-";
    return [operator(minus ? "−" : "+"), held(pieceOf(minus ? term.parts[0] : term, style), LEVEL.product)];
  });
}

/**
 * @param {string} name
 * @param {Node[]} parts
 * @param {Style} style
 * @returns {Piece}
 */
function called(name, parts, style) {
  const written = parts.map((part) => pieceOf(part, style));
  const all = () => math("mrow", {}, ...written.flatMap((one, at) => (at ? [operator(","), one.element] : [one.element])));
  const element = texElement(style.functions[name], {
    "⟨x⟩": () => written[0].element,
    "⟨X⟩": () => held(written[0], LEVEL.atom),
    "⟨args⟩": all,
  });
  return { element, level: LEVEL.atom };
}
