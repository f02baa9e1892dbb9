// Elements made by hand. Text is only ever text: nothing here reads markup.

const SPACES = {
  html: "http://www.w3.org/1999/xhtml",
  svg: "http://www.w3.org/2000/svg",
  math: "http://www.w3.org/1998/Math/MathML",
};

/**
 * @typedef {string | number | null | undefined | false | Node} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

/**
 * @param {string} space
 * @param {string} name
 * @param {Attributes} attributes  a function is what happens on that event
 * @param {Child[]} children
 * @returns {any}
 */
function make(space, name, attributes, children) {
  const element = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  // Falsy children are left out, so that a part may be written as `condition && html(…)`.
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return element;
}

/**
 * @param {Child} child
 * @returns {any}
 */
function asNode(child) {
  return typeof child === "number" ? String(child) : child;
}

/**
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElement & Record<string, any>}
 */
export function html(name, attributes = {}, ...children) {
  return make(SPACES.html, name, attributes, children);
}

/**
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElement & Record<string, any>}
 */
export function svg(name, attributes = {}, ...children) {
  return make(SPACES.svg, name, attributes, children);
}

/**
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function math(name, attributes = {}, ...children) {
  return make(SPACES.math, name, attributes, children);
}

/**
 * The element with this id, which the page is made with.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/**
 * Set what an element contains, only where it differs: a screen reader says a live region again on every change.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
