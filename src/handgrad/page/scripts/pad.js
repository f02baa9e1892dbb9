// A pad to draw a digit on, with mouse, finger, pen or keys; strokes are kept, so that the last one can be taken back.

export const PAD = 280;
const KEY_STEP = 8;

export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} changed
   */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.width = 22;
    /** @type {{width: number, points: [number, number][]}[]} */
    this.strokes = [];
    /** @type {{width: number, points: [number, number][]}[]} what was on the pad before it was cleared */
    this.cleared = [];
    /** @type {HTMLCanvasElement | null} a picture that was dropped on it */
    this.picture = null;
    /** @type {{boxes: [number, number, number, number][], chosen: number}} the digits found on that picture */
    this.found = { boxes: [], chosen: 0 };
    this.pen = { x: PAD / 2, y: PAD / 2, down: false, shown: false };
    this.drawing = false;
    canvas.width = PAD;
    canvas.height = PAD;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      return /** @type {[number, number]} */ ([((event.clientX - box.left) * PAD) / box.width, ((event.clientY - box.top) * PAD) / box.height]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      this.drawing = true;
      this.pen.shown = false;
      this.begin(at(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.drawing) return;
      const all = event.getCoalescedEvents?.() || [event];
      for (const one of all.length ? all : [event]) this.go(at(one));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => {
        this.drawing = false;
      });
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => {
      this.pen.shown = false;
      this.paint();
    });
    this.paint();
  }

  /** @param {[number, number]} point */
  begin(point) {
    this.picture = null;
    this.strokes.push({ width: this.width, points: [point] });
    this.#told();
  }

  /** @param {[number, number]} point */
  go(point) {
    this.strokes.at(-1)?.points.push(point);
    this.#told();
  }

  /**
   * A picture in place of strokes, with a frame round each digit that was found on it.
   * @param {HTMLCanvasElement} picture
   * @param {[number, number, number, number][]} boxes  top, left, bottom, right
   * @param {number} chosen
   */
  show(picture, boxes, chosen) {
    this.strokes = [];
    this.pen.down = false;
    this.picture = picture;
    this.found = { boxes, chosen };
    this.paint();
  }

  /** Take back the last stroke, the picture, or clearing the pad. */
  undo() {
    if (this.empty) this.strokes = this.cleared;
    else if (this.picture) this.picture = null;
    else this.strokes.pop();
    this.cleared = [];
    this.pen.down = false;
    this.#told();
  }

  clear() {
    this.cleared = this.strokes;
    this.strokes = [];
    this.picture = null;
    this.pen.down = false;
    this.#told();
  }

  get empty() {
    return !this.strokes.length && !this.picture;
  }

  #told() {
    this.paint();
    this.changed();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way && event.key !== " ") return;
    event.preventDefault();
    const { pen } = this;
    pen.shown = true;
    if (way) {
      pen.x = Math.max(0, Math.min(PAD, pen.x + way[0] * KEY_STEP));
      pen.y = Math.max(0, Math.min(PAD, pen.y + way[1] * KEY_STEP));
      if (pen.down) this.go([pen.x, pen.y]);
    } else {
      pen.down = !pen.down;
      if (pen.down) this.begin([pen.x, pen.y]);
    }
    this.paint();
  }

  /** Result on the pad: ink on paper, and the pen while keys move it. */
  paint() {
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.clearRect(0, 0, PAD, PAD);
    if (this.picture) this.#whole(context, this.picture);
    this.ink(context, getComputedStyle(this.canvas).color);
    if (this.pen.shown) {
      context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue(this.pen.down ? "--red" : "--blue");
      context.lineWidth = 2;
      context.beginPath();
      context.arc(this.pen.x, this.pen.y, this.width / 2 + 3, 0, 7);
      context.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} colour
   */
  ink(context, colour) {
    context.strokeStyle = colour;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const { width, points } of this.strokes) {
      context.lineWidth = width;
      context.beginPath();
      const [[x, y], ...rest] = points;
      context.moveTo(x, y);
      // A line of no length is drawn as a dot only where it goes somewhere.
      if (!rest.length) context.lineTo(x + 0.01, y);
      for (const [toX, toY] of rest) context.lineTo(toX, toY);
      context.stroke();
    }
  }

  /**
   * The ink alone: 0 for paper to 255 for ink, row by row.
   * @returns {Uint8Array}
   */
  inkBytes() {
    const canvas = document.createElement("canvas");
    canvas.width = PAD;
    canvas.height = PAD;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    this.ink(context, "#000");
    const { data } = context.getImageData(0, 0, PAD, PAD);
    return Uint8Array.from({ length: PAD * PAD }, (_, at) => data[4 * at + 3]);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {HTMLCanvasElement} picture
   */
  #whole(context, picture) {
    const scale = Math.min(PAD / picture.width, PAD / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const [left, top] = [(PAD - width) / 2, (PAD - height) / 2];
    context.drawImage(picture, left, top, width, height);
    context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--red");
    this.found.boxes.forEach((box, at) => {
      context.lineWidth = at === this.found.chosen ? 3 : 1;
      const [y, x, bottom, right] = box.map((side) => side * scale);
      context.strokeRect(left + x - 2, top + y - 2, right - x + 4, bottom - y + 4);
    });
  }
}
