// Numbers as people read and type them.

/** @typedef {{digits: number, comma: boolean}} Format  digits: 4, 6, or 17 for all of them */

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * @param {number} exponent
 * @returns {string}
 */
function raised(exponent) {
  return String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => RAISED[Number(digit)]);
}

/**
 * A number for people: significant digits, a true minus sign, 1.5·10⁻⁷ instead of 1.5e-7; zero has no sign.
 * @param {number} value
 * @param {Format} format
 * @param {boolean} [padded] keep the zeros at the end, so that columns line up
 * @returns {string}
 */
export function shown(value, format, padded = false) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const all = format.digits > 15;
  const size = Math.abs(value);
  // From 1e21 on JavaScript itself writes an exponent, and no longer all digits.
  const far = size < 1e-4 || size >= (all ? 1e21 : 10 ** Math.max(6, format.digits));
  const exact = all ? value : Number(value.toPrecision(format.digits));
  let text;
  if (far) {
    const [mantissa, exponent] = (all ? exact.toExponential() : exact.toExponential(format.digits - 1)).split("e");
    text = `${padded ? mantissa : String(Number(mantissa))}·10${raised(Number(exponent))}`;
  } else if (padded && !all && size < 10 ** format.digits) {
    text = value.toPrecision(format.digits);
  } else {
    text = String(exact);
  }
  text = text.replace("-", "−");
  return format.comma ? text.replace(".", ",") : text;
}

/**
 * A typed number, with decimal point or comma, minus or hyphen, 1e-3 or 1·10^-3; null where it is none.
 * @param {string} text
 * @returns {number | null}
 */
export function typed(text) {
  let plain = text.trim().replace(/\s/g, "").replace(/[−–]/g, "-");
  plain = plain.replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g, (signs) =>
    "^".concat([...signs].map((sign) => (sign === "⁻" ? "-" : String(RAISED.indexOf(sign)))).join("")),
  );
  plain = plain.replace(/[·*×x]10\^?(-?\d+)$/, "e$1");
  // 1.234,5 is one number here and another there: asked again rather than guessed.
  if ((plain.match(/[.,]/g) || []).length > 1) return null;
  plain = plain.replace(",", ".");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}
