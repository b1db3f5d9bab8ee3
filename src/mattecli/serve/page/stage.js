/** The picture on the screen: what is drawn, where, and how large. Lengths are in device pixels. */

import { BACKGROUND } from './labels.js';

const LARGEST_SCALE = 32;
const MARGINS = [24, 72]; // beside the picture, and above and below it, where the progress and the zoom are shown
const CHECKER = 8;

// For each label: nothing, foreground, background, unknown. The background is hatched, so that it is not told by its colour alone.
const TINTS = [[0, 0, 0, 0], [34, 197, 94, 150], [239, 68, 68, 190], [148, 163, 184, 150]];
const TRIMAP_TINTS = [[0, 0, 0, 0], [34, 197, 94, 70], [239, 68, 68, 130], [250, 204, 21, 120]];

export class Stage {
  /** onView is called after each change of zoom or place. */
  constructor(canvas, onView) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.onView = onView;
    this.look = { view: 'cutout', backdrop: 'checker', colour: '#2f6fed', picture: null, strokes: true, divider: null };
    this.checker = checkerPattern(this.context);
    this.forget();
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  /** Nothing is shown. */
  forget() {
    this.photo = this.cutout = this.alpha = this.overlay = this.labels = null;
    this.scale = 1;
    this.left = this.top = 0;
    this.fitted = true;
    this.draw();
  }

  /** Show a photo (ImageBitmap), fitted. */
  setPhoto(photo) {
    this.forget();
    this.photo = photo;
    this.fit();
  }

  /** Show a result (ImageBitmap with transparency). */
  setCutout(cutout) {
    this.cutout = cutout;
    this.alpha = null;
    this.draw();
  }

  /** Show the labels that are painted; asTrimap: all pixels have one. */
  setLabels(labels, asTrimap) {
    this.labels = labels;
    this.asTrimap = asTrimap;
    this.overlay = new OffscreenCanvas(labels.width, labels.height);
    this.paintLabels();
  }

  /** Draw labels anew, all or those of an area. */
  paintLabels(area) {
    const tints = this.asTrimap ? TRIMAP_TINTS : TINTS;
    const light = tints.map(([r, g, b, a], label) => (label === BACKGROUND ? [r, g, b, a / 2] : [r, g, b, a]));
    const period = Math.max(6, Math.round(Math.max(this.labels.width, this.labels.height) / 110));
    const image = this.labels.image(tints, area, light, period);
    this.overlay.getContext('2d').putImageData(image, area?.left ?? 0, area?.top ?? 0);
    this.draw();
  }

  set(look) {
    Object.assign(this.look, look);
    this.draw();
  }

  // zoom and place

  fit() {
    if (!this.photo) return;
    const { width, height } = this.canvas;
    const [beside, above] = MARGINS.map((margin) => 2 * margin * this.ratio);
    this.scale = Math.min((width - beside) / this.photo.width, Math.max(height - above, height / 2) / this.photo.height, LARGEST_SCALE);
    this.left = (width - this.photo.width * this.scale) / 2;
    this.top = (height - this.photo.height * this.scale) / 2;
    this.fitted = true;
    this.#viewed();
  }

  /** One pixel of the picture on one of the screen, around the middle. */
  actualSize() { this.zoomTo(1); }

  /** Zoom to a scale and keep the point (x, y) of the canvas where it is. */
  zoomTo(scale, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.photo) return;
    const next = Math.min(LARGEST_SCALE, Math.max(scale, 16 / Math.max(this.photo.width, this.photo.height)));
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.scale = next;
    this.fitted = false;
    this.#keepInSight();
  }

  zoomBy(factor, x, y) { this.zoomTo(this.scale * factor, x, y); }

  panBy(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.fitted = false;
    this.#keepInSight();
  }

  get ratio() { return window.devicePixelRatio || 1; }

  /** A place in the window as a point of the canvas. */
  toCanvas(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    return [(clientX - box.left) * this.ratio, (clientY - box.top) * this.ratio];
  }

  /** A place in the window as a point of the picture. */
  toPicture(clientX, clientY) {
    const [x, y] = this.toCanvas(clientX, clientY);
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  /** A point of the picture in CSS pixels of the stage. */
  toStage(x, y) { return [(this.left + x * this.scale) / this.ratio, (this.top + y * this.scale) / this.ratio]; }

  #keepInSight() {
    const width = this.photo.width * this.scale;
    const height = this.photo.height * this.scale;
    const keep = 48 * this.ratio;
    this.left = Math.min(this.canvas.width - keep, Math.max(keep - width, this.left));
    this.top = Math.min(this.canvas.height - keep, Math.max(keep - height, this.top));
    this.#viewed();
  }

  #viewed() {
    this.draw();
    this.onView();
  }

  #resize() {
    const box = this.canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width * this.ratio), Math.round(box.height * this.ratio)];
    if (!width || !height) return;
    const [dx, dy] = [(width - this.canvas.width) / 2, (height - this.canvas.height) / 2];
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.fitted) this.fit();
    else this.panBy(dx, dy);
    this.#paint();
  }

  // drawing

  /** Draw at the next frame. */
  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      this.#paint();
    });
  }

  #paint() {
    const { context, canvas, photo } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!photo) return;
    context.imageSmoothingEnabled = this.scale < 2;
    context.imageSmoothingQuality = 'high';
    const box = [Math.round(this.left), Math.round(this.top), Math.round(photo.width * this.scale), Math.round(photo.height * this.scale)];
    this.#paintView(box);
    if (this.look.divider !== null) this.#paintBefore(box);
    if (this.look.strokes && this.overlay) context.drawImage(this.overlay, ...box);
    context.strokeStyle = 'rgb(120 120 120 / .5)';
    context.strokeRect(box[0] - 0.5, box[1] - 0.5, box[2] + 1, box[3] + 1);
  }

  #paintView(box) {
    const { context, look } = this;
    if (look.view === 'photo' || !this.cutout) {
      context.drawImage(this.photo, ...box);
    } else if (look.view === 'alpha') {
      context.drawImage(this.#alphaPicture(), ...box);
    } else {
      this.#paintBackdrop(box);
      context.drawImage(this.cutout, ...box);
    }
  }

  #paintBackdrop(box) {
    const { context, look } = this;
    if (look.backdrop === 'picture' && look.picture) {
      context.drawImage(look.picture, ...coverCut(look.picture, this.photo), ...box);
      return;
    }
    context.fillStyle = look.backdrop === 'colour' ? look.colour : this.checker;
    context.fillRect(...box);
  }

  /** The photo on the left of the divider. */
  #paintBefore(box) {
    const { context, canvas } = this;
    context.save();
    context.beginPath();
    context.rect(0, 0, this.look.divider * canvas.width, canvas.height);
    context.clip();
    context.drawImage(this.photo, ...box);
    context.restore();
  }

  /** White where the cut-out is opaque, black where it is not. */
  #alphaPicture() {
    if (this.alpha) return this.alpha;
    this.alpha = new OffscreenCanvas(this.cutout.width, this.cutout.height);
    const context = this.alpha.getContext('2d');
    context.drawImage(this.cutout, 0, 0);
    for (const [operation, colour] of [['source-in', '#fff'], ['destination-over', '#000']]) {
      context.globalCompositeOperation = operation;
      context.fillStyle = colour;
      context.fillRect(0, 0, this.alpha.width, this.alpha.height);
    }
    return this.alpha;
  }
}

/** The part of a picture that covers a frame of another shape: left, top, width, height. */
function coverCut(picture, frame) {
  const scale = Math.min(picture.width / frame.width, picture.height / frame.height);
  const [width, height] = [frame.width * scale, frame.height * scale];
  return [(picture.width - width) / 2, (picture.height - height) / 2, width, height];
}

function checkerPattern(context) {
  const side = CHECKER * (window.devicePixelRatio || 1);
  const tile = new OffscreenCanvas(2 * side, 2 * side);
  const paint = tile.getContext('2d');
  paint.fillStyle = '#ffffff';
  paint.fillRect(0, 0, 2 * side, 2 * side);
  paint.fillStyle = '#c9ccd4';
  paint.fillRect(0, 0, side, side);
  paint.fillRect(side, side, side, side);
  return context.createPattern(tile, 'repeat');
}
