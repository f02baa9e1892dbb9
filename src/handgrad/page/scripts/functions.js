// Stands here for the type checker alone: a page gets this module written from symbols/calculus.py, where each function's
// JavaScript stands beside its value in Python.

/** @type {Record<string, (...all: number[]) => number>} */
export const FUNCTIONS = {};
