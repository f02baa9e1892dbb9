// A verdict on a learning rate in words, by the rules that the workbook's verdicts follow.

/**
 * @param {{rate: number, errors: number[], diverged: number | null}} run
 * @param {import("./moment.js").Moment} moment
 * @param {any} data
 * @returns {string}
 */
export function verdictOn(run, moment, data) {
  if (run.diverged !== null) return `diverges at step ${run.diverged}`;
  return "";
}
