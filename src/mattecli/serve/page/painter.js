/** Mouse, pen, finger and keyboard on the picture: what paints, what moves the picture, what zooms it. */

const KEY_STEP = 4;
const LARGE_STEP = 5;
const WHEEL_PACE = 0.0016;

export class Painter {
  /**
   * brush has the methods begin(erase), lineTo(x, y), end() and cancel(), with points of the picture, and the properties `ready`,
   * `isHand` and `diameter`, in pixels of the picture.
   */
  constructor(stage, ring, brush) {
    this.stage = stage;
    this.ring = ring;
    this.brush = brush;
    this.pointers = new Map();
    this.action = null; // paint | pan | pinch
    this.held = false; // whether Space is held
    this.cursor = null; // where the keyboard's brush is, in the picture
    this.penDown = false;
    this.#listen();
  }

  #listen() {
    const { canvas } = this.stage;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener('pointerleave', () => { if (!this.cursor) this.ring.hidden = true; });
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.leaveKeyboard());
    window.addEventListener('keydown', (event) => { if (event.code === 'Space') this.held = true; });
    window.addEventListener('keyup', (event) => { if (event.code === 'Space') this.held = false; });
  }

  #down(event) {
    if (!this.brush.ready) return;
    this.leaveKeyboard();
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 2) {
      if (this.action === 'paint') this.brush.cancel();
      this.action = 'pinch';
    } else if (this.pointers.size === 1) {
      this.action = this.held || this.brush.isHand || event.button === 1 ? 'pan' : 'paint';
      if (this.action === 'paint') {
        this.brush.begin((event.buttons & 32) !== 0); // the eraser end of a pen
        this.brush.lineTo(...this.stage.toPicture(event.clientX, event.clientY));
      }
    }
    event.preventDefault();
    this.stage.canvas.focus({ preventScroll: true });
  }

  #move(event) {
    this.#showRing(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    if (this.action === 'paint') {
      const steps = event.getCoalescedEvents?.() ?? [];
      for (const { clientX, clientY } of steps.length ? steps : [event]) this.brush.lineTo(...this.stage.toPicture(clientX, clientY));
    } else if (this.action === 'pan') {
      this.stage.panBy((event.clientX - last[0]) * this.stage.ratio, (event.clientY - last[1]) * this.stage.ratio);
    } else if (this.action === 'pinch' && this.pointers.size === 2) {
      this.#pinch(event, last);
    }
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  #pinch(event, last) {
    const [, other] = [...this.pointers].find(([id]) => id !== event.pointerId);
    const here = [event.clientX, event.clientY];
    const before = Math.hypot(last[0] - other[0], last[1] - other[1]);
    const after = Math.hypot(here[0] - other[0], here[1] - other[1]);
    this.stage.panBy(((here[0] - last[0]) / 2) * this.stage.ratio, ((here[1] - last[1]) / 2) * this.stage.ratio);
    this.stage.zoomBy(after / Math.max(before, 1), ...this.stage.toCanvas((here[0] + other[0]) / 2, (here[1] + other[1]) / 2));
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.action === 'paint') event.type === 'pointercancel' ? this.brush.cancel() : this.brush.end();
    if (this.pointers.size === 0 || this.action === 'paint') this.action = null;
    if (event.pointerType !== 'mouse') this.ring.hidden = true;
  }

  #wheel(event) {
    if (!this.brush.ready) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    if (event.shiftKey) this.stage.panBy(-pixels * this.stage.ratio, 0);
    else this.stage.zoomBy(Math.exp(-pixels * WHEEL_PACE * (event.ctrlKey ? 4 : 1)), ...this.stage.toCanvas(event.clientX, event.clientY));
  }

  // the keyboard's brush

  #key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!this.brush.ready || !(event.key in arrows || event.key === 'Enter')) return;
    event.preventDefault();
    const { width, height } = this.stage.photo;
    this.cursor ??= [width / 2, height / 2];
    if (event.key === 'Enter') this.#togglePen();
    else {
      const step = KEY_STEP * (event.shiftKey ? LARGE_STEP : 1) / Math.min(1, this.stage.scale / this.stage.ratio);
      const [dx, dy] = arrows[event.key];
      this.cursor = [clamp(this.cursor[0] + dx * step, width), clamp(this.cursor[1] + dy * step, height)];
      if (this.penDown) this.brush.lineTo(...this.cursor);
    }
    this.#placeRing(...this.stage.toStage(...this.cursor));
  }

  #togglePen() {
    this.penDown = !this.penDown;
    if (this.penDown) {
      this.brush.begin(false);
      this.brush.lineTo(...this.cursor);
    } else this.brush.end();
    this.ring.classList.toggle('down', this.penDown);
  }

  /** Lift the keyboard's brush and hide it. */
  leaveKeyboard() {
    if (this.penDown) this.#togglePen();
    this.cursor = null;
    this.ring.hidden = true;
  }

  // the ring around the brush

  #showRing(event) {
    const isPainting = this.brush.ready && !this.brush.isHand && !this.held && this.action !== 'pan' && this.action !== 'pinch';
    this.stage.canvas.style.cursor = isPainting ? 'crosshair' : 'grab';
    if (!isPainting) this.ring.hidden = true;
    else if (!this.cursor) this.#placeRing(...this.stage.toCanvas(event.clientX, event.clientY).map((value) => value / this.stage.ratio));
  }

  #placeRing(x, y) {
    const side = Math.max(4, (this.brush.diameter * this.stage.scale) / this.stage.ratio);
    Object.assign(this.ring.style, { width: `${side}px`, height: `${side}px`, transform: `translate(${x - side / 2}px, ${y - side / 2}px)` });
    this.ring.hidden = false;
  }
}

function clamp(value, end) {
  return Math.min(end, Math.max(0, value));
}
