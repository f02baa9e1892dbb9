// The page of a trained network: draw a digit, see what the network sees, what it answers, and every number between.

import { byId, html, setText, svg } from "./dom.js";
import { seen } from "./find.js";
import { Maps, paintMap } from "./maps.js";
import { Pad, PAD } from "./pad.js";
import { readPicture } from "./picture.js";
import { shown } from "./numbers.js";
import { probabilitiesOf, readPlan, runPlan } from "./plan.js";
import { fitted, SIDE } from "./prepare.js";
import { inflate, inflateJson } from "./unpack.js";

// Work that takes longer is cut into such pieces, between which the browser paints and hears the next press.
const CHUNK_MS = 40;

/**
 * @param {string} prefix
 * @returns {Record<string, any>}
 */
function partsNamed(prefix) {
  const found = /** @type {Record<string, any>} */ ({});
  for (const element of document.querySelectorAll(`[id^="${prefix}-"]`)) found[element.id.slice(prefix.length + 1)] = element;
  return found;
}

/** @param {number} share */
function percent(share) {
  // Rounded down, as everywhere: what is not certain is never shown as 100 %.
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

class Digits {
  /**
   * @param {any} data
   * @param {ArrayBuffer} numbers
   * @param {Uint8Array} images
   */
  constructor(data, numbers, images) {
    this.data = data;
    this.plan = readPlan(data.plan, numbers);
    this.images = images;
    /** @type {Uint8Array | null} */
    this.image = null;
    this.from = "";
    this.parts = partsNamed("digit");
    this.pad = new Pad(this.parts.pad, () => this.#drawn());
    this.maps = new Maps(partsNamed("maps"), this.plan, data, (mask) => this.#field(mask));
    this.bars = this.#bars();
    this.occluding = 0;
    this.falls = new Float32Array(0);
    this.reading = 0;
    this.#controls();
    this.#samples();
    this.#answer(null, "");
  }

  #controls() {
    const { parts, pad } = this;
    parts.undo.addEventListener("click", () => pad.undo());
    parts.clear.addEventListener("click", () => pad.clear());
    parts.width.addEventListener("input", () => {
      pad.width = Number(parts.width.value);
    });
    parts.file.addEventListener("change", () => parts.file.files[0] && this.picture(parts.file.files[0]));
    const drop = parts.pad.parentElement;
    drop.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
    drop.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) this.picture(file);
    });
    window.addEventListener("paste", (event) => {
      const file = event.clipboardData?.files[0];
      if (file) this.picture(file);
    });
    parts.occlude.addEventListener("click", () => this.occlude());
    parts.theme.addEventListener("change", () => {
      if (parts.theme.value === "auto") document.documentElement.removeAttribute("data-theme");
      else document.documentElement.setAttribute("data-theme", parts.theme.value);
      this.#repaint();
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
  }

  /** Pictures take their colours from the page, which may have changed them. */
  #repaint() {
    this.pad.paint();
    byId("samples").replaceChildren();
    this.#samples();
    this.#answer(this.image, this.from);
  }

  #drawn() {
    const { pad } = this;
    if (pad.picture) return;
    this.reading += 1;
    this.#noChoice();
    this.#answer(pad.empty ? null : fitted(pad.inkBytes(), PAD)?.image || null, pad.empty ? "" : "your drawing");
  }

  /**
   * A picture that was dropped, pasted or chosen, read as `handgrad predict` reads it.
   * @param {File} file
   */
  async picture(file) {
    const { parts, pad } = this;
    // Counted: what was asked for before, and ends later, must not overwrite the answer to this.
    const mine = ++this.reading;
    setText(parts.told, `Reading ${file.name} …`);
    let grey;
    try {
      grey = await readPicture(file);
      // The words above are painted before the work, which takes a second for a large photograph.
      await new Promise((next) => window.setTimeout(next, 20));
    } catch (error) {
      setText(parts.told, error instanceof RangeError ? `This picture is too large: ${error.message}.` : "This file is not a picture that the browser can read – try a PNG or a JPEG.");
      return;
    }
    if (mine !== this.reading) return;
    this.#noChoice();
    const { digits, reason } = seen(grey);
    const canvas = canvasOf(grey);
    const boxes = digits.map((digit) => digit.box);
    const choose = (/** @type {number} */ at) => {
      pad.show(canvas, boxes, at);
      this.#answer(digits[at]?.image || null, digits.length > 1 ? `digit ${at + 1} of ${digits.length} on ${file.name}` : file.name);
      if (!digits.length) setText(parts.told, `No digit on ${file.name}: ${reason}.`);
    };
    choose(0);
    if (digits.length < 2) return;
    parts.found.append(
      ...digits.map(({ image }, at) => {
        const small = /** @type {any} */ (html("canvas", { class: "thumb", "aria-hidden": "true" }));
        paintMap(small, image, SIDE, 255, "ink");
        return html("li", {}, html("button", { type: "button", "aria-label": `digit ${at + 1} of ${digits.length} on the picture`, click: () => choose(at) }, small));
      }),
    );
    parts.found.hidden = false;
  }

  #noChoice() {
    this.parts.found.replaceChildren();
    this.parts.found.hidden = true;
  }

  #samples() {
    const { data } = this;
    for (const group of data.samples) {
      const list = html("ul", { class: "thumbs" });
      group.digits.forEach((/** @type {any} */ digit) => {
        const canvas = /** @type {any} */ (html("canvas", { class: "thumb", "aria-hidden": "true" }));
        const image = this.images.subarray(digit.at * SIDE * SIDE, (digit.at + 1) * SIDE * SIDE);
        paintMap(canvas, image, SIDE, 255, "ink");
        const label = digit.answer === undefined ? `test digit ${digit.label}, number ${digit.index}` : `a ${digit.label} that was read as ${digit.answer}, number ${digit.index}`;
        const press = () => {
          this.pad.clear();
          this.#answer(image, label);
          window.scrollTo({ top: 0 });
        };
        list.append(html("li", {}, html("button", { type: "button", "aria-label": label, title: label, click: press }, canvas)));
      });
      byId("samples").append(html("details", { open: group.open }, html("summary", {}, group.title), list));
    }
  }

  #bars() {
    const rows = Array.from({ length: this.data.classes }, (_, digit) => {
      const bar = html("span", { class: "fill" });
      const value = html("td", { class: "numeral" });
      const root = html("tr", {}, html("th", { scope: "row" }, String(digit)), html("td", { class: "track" }, bar), value);
      return { root, bar, value };
    });
    this.parts.bars.append(...rows.map((row) => row.root));
    return rows;
  }

  /**
   * Answer an image of 28×28 bytes; null is an empty pad, which gets no answer.
   * @param {Uint8Array | null} image
   * @param {string} from
   */
  #answer(image, from) {
    this.occluding += 1;
    this.image = image;
    this.from = from;
    const { parts } = this;
    paintMap(parts.seen, image || new Uint8Array(SIDE * SIDE), SIDE, 255, "ink");
    parts.occlusion.hidden = true;
    parts.occlude.disabled = !image;
    const values = image && runPlan(this.plan, image);
    const shares = values && probabilitiesOf(values[values.length - 1]);
    const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
    this.bars.forEach(({ root, bar, value }, digit) => {
      const share = shares ? shares[digit] : 0;
      bar.style.width = `${100 * share}%`;
      setText(value, shares ? percent(share) : "");
      root.classList.toggle("best", digit === best);
    });
    setText(parts.answer, shares ? String(best) : "–");
    const second = shares ? shares.map((share, digit) => ({ share, digit })).toSorted((a, b) => b.share - a.share)[1] : null;
    setText(
      parts.told,
      shares && second ? `${from}: read as ${best}, ${percent(shares[best])}; next ${second.digit}, ${percent(second.share)}.` : "Draw a digit. An empty pad gets no answer.",
    );
    this.maps.update(values);
  }

  /** @param {Uint8Array | null} mask */
  #field(mask) {
    const { field } = this.parts;
    field.replaceChildren();
    if (!mask) return;
    const all = mask.every((mark) => mark === 1);
    setText(this.parts.fieldWords, all ? "The number chosen below depends on the whole image." : `The number chosen below depends on the ${mask.reduce((sum, mark) => sum + mark, 0)} pixels inside the frame.`);
    mask.forEach((mark, at) => {
      if (!mark) return;
      const [row, column] = [Math.floor(at / SIDE), at % SIDE];
      const open = (/** @type {number} */ r, /** @type {number} */ c) => r < 0 || c < 0 || r >= SIDE || c >= SIDE || !mask[r * SIDE + c];
      const edges = [
        open(row - 1, column) && `M${column} ${row}h1`, open(row + 1, column) && `M${column} ${row + 1}h1`,
        open(row, column - 1) && `M${column} ${row}v1`, open(row, column + 1) && `M${column + 1} ${row}v1`,
      ];
      const path = edges.filter(Boolean).join("");
      if (path) field.append(svg("path", { d: path }));
    });
  }

  /** What each part of the image changes: cover it with paper, and see how far the answer's probability falls. */
  async occlude() {
    const { image, parts } = this;
    if (!image) return;
    // Counted as above: another picture ends this.
    const mine = ++this.occluding;
    const size = Number(parts.patch.value);
    const half = Math.floor(size / 2);
    const base = probabilitiesOf(runPlan(this.plan, image)[this.plan.steps.length]);
    const best = base.indexOf(Math.max(...base));
    const falls = new Float32Array(SIDE * SIDE);
    this.falls = falls;
    parts.occlusion.hidden = false;
    let pause = performance.now();
    for (let at = 0; at < falls.length; at++) {
      const [row, column] = [Math.floor(at / SIDE), at % SIDE];
      const covered = Uint8Array.from(image);
      let changed = false;
      for (let r = Math.max(0, row - half); r <= Math.min(SIDE - 1, row + half); r++) {
        for (let c = Math.max(0, column - half); c <= Math.min(SIDE - 1, column + half); c++) {
          // A single pixel is turned round, ink to paper and paper to ink; a larger patch is covered with paper.
          const next = size === 1 ? 255 - image[r * SIDE + c] : 0;
          changed ||= next !== image[r * SIDE + c];
          covered[r * SIDE + c] = next;
        }
      }
      if (changed) falls[at] = base[best] - probabilitiesOf(runPlan(this.plan, covered)[this.plan.steps.length])[best];
      if (performance.now() - pause > CHUNK_MS) {
        setText(parts.occlusionWords, `${Math.round((100 * at) / falls.length)} % done`);
        await new Promise((next) => window.setTimeout(next));
        if (mine !== this.occluding) return;
        pause = performance.now();
      }
    }
    const most = falls.reduce((high, fall) => Math.max(high, Math.abs(fall)), 0);
    paintMap(parts.occlusionMap, falls, SIDE, most || 1, "signed");
    const what = size === 1 ? "Turning one pixel round" : `Covering ${size}×${size} pixels`;
    setText(parts.occlusionWords, `${what} moves the probability of ${best} by at most ${shown(100 * most, { digits: 2, comma: false })} %. Blue: it falls there; orange: it rises.`);
  }
}

/**
 * @param {import("./prepare.js").Grey} grey
 * @returns {HTMLCanvasElement}
 */
function canvasOf({ values, rows, columns }) {
  const canvas = /** @type {any} */ (html("canvas", { width: columns, height: rows }));
  const image = new ImageData(columns, rows);
  values.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** @returns {Promise<void>} */
async function openDigits() {
  const data = await inflateJson(byId("data").textContent.trim());
  const numbers = await inflate(byId("numbers").textContent.trim());
  const images = new Uint8Array(await inflate(byId("images").textContent.trim()));
  Object.assign(window, { handgrad: new Digits(data, numbers, images) });
  document.documentElement.classList.add("ready");
}

openDigits();
