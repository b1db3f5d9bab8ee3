/**
 * What a person painted: one byte for each pixel of the picture, with undo.
 *
 * Labels are kept as bytes and not as canvas pixels, so that a stroke has a hard edge and is sent exactly as it was painted.
 */

export const NOTHING = 0;
export const FOREGROUND = 1;
export const BACKGROUND = 2;
export const UNKNOWN = 3;

/** Bytes of history to keep; the oldest edits are forgotten beyond it. */
const HISTORY_BYTES = 200e6;

export class LabelMap {
  /** A map of `width` x `height` pixels with the labels of `data` (Uint8Array), or with nothing painted. */
  constructor(width, height, data = null) {
    this.width = width;
    this.height = height;
    this.data = data ?? new Uint8Array(width * height);
    this.counts = countLabels(this.data);
    this.done = [];
    this.undone = [];
    this.stroke = null;
  }

  get canUndo() { return this.done.length > 0; }
  get canRedo() { return this.undone.length > 0; }
  has(label) { return this.counts[label] > 0; }

  /** Begin a stroke of `label` with a pen of `diameter` pixels. */
  begin(label, diameter) {
    this.stroke = { label, radius: Math.max(diameter / 2, 0.5), last: null, before: this.data.slice(), area: null };
  }

  /** Paint to the point (x, y), where (0, 0) is the top left corner of the first pixel. Returns the changed area. */
  lineTo(x, y) {
    const from = this.stroke.last ?? [x, y];
    this.stroke.last = [x, y];
    const area = this.#paintLine(from, [x, y]);
    this.stroke.area = union(this.stroke.area, area);
    return area;
  }

  /** End the stroke, which can then be undone. Returns whether it changed anything. */
  end() {
    const { before, area } = this.stroke;
    this.stroke = null;
    return area !== null && this.#remember(area, before);
  }

  /** Take back what the current stroke painted so far. Returns the changed area or null. */
  cancel() {
    const { before, area } = this.stroke;
    this.stroke = null;
    if (area) this.#put(area, cut(before, this.width, area));
    return area;
  }

  /** Set every pixel to nothing. */
  clear() {
    const before = this.data.slice();
    this.data.fill(NOTHING);
    this.counts = countLabels(this.data);
    this.#remember({ left: 0, top: 0, right: this.width, bottom: this.height }, before);
  }

  /** Both return the changed area, or null where there is nothing to undo or redo. */
  undo() { return this.#step(this.done, this.undone, 'before'); }
  redo() { return this.#step(this.undone, this.done, 'after'); }

  #step(from, to, side) {
    const edit = from.pop();
    if (!edit) return null;
    to.push(edit);
    this.#put(edit.area, edit[side]);
    return edit.area;
  }

  #remember(area, before) {
    const edit = { area, before: cut(before, this.width, area), after: cut(this.data, this.width, area) };
    if (edit.before.every((label, index) => label === edit.after[index])) return false;
    this.done.push(edit);
    this.undone = [];
    let bytes = this.done.reduce((sum, { before: pixels }) => sum + 2 * pixels.length, 0);
    while (bytes > HISTORY_BYTES && this.done.length > 1) bytes -= 2 * this.done.shift().before.length;
    return true;
  }

  #put({ left, top, right, bottom }, pixels) {
    const width = right - left;
    for (let y = top; y < bottom; y++) {
      this.data.set(pixels.subarray((y - top) * width, (y - top + 1) * width), y * this.width + left);
    }
    this.counts = countLabels(this.data);
  }

  /** Label all pixels whose centres lie within the pen's radius of a line. */
  #paintLine([x0, y0], [x1, y1]) {
    const { label, radius } = this.stroke;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius));
    const right = Math.min(this.width, Math.ceil(Math.max(x0, x1) + radius));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
    const bottom = Math.min(this.height, Math.ceil(Math.max(y0, y1) + radius));
    if (left >= right || top >= bottom) return null;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length2 = dx * dx + dy * dy;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = length2 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
        const [ex, ey] = [px - along * dx, py - along * dy];
        if (ex * ex + ey * ey <= radius * radius) this.#set(y * this.width + x, label);
      }
    }
    return { left, top, right, bottom };
  }

  #set(index, label) {
    this.counts[this.data[index]]--;
    this.counts[label]++;
    this.data[index] = label;
  }

  /**
   * The labels of an area as ImageData. `colours` has [r, g, b, a] for each label; `hatching`, where given, has others for every
   * second diagonal stripe of `period` pixels.
   */
  image(colours, area = null, hatching = colours, period = 2) {
    const { left, top, right, bottom } = area ?? { left: 0, top: 0, right: this.width, bottom: this.height };
    const image = new ImageData(right - left, bottom - top);
    const words = new Uint32Array(image.data.buffer);
    const [plain, hatched] = [packed(colours), packed(hatching)];
    let at = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        words[at++] = ((x + y) % period < period / 2 ? hatched : plain)[this.data[y * this.width + x]];
      }
    }
    return image;
  }

  /** The labels as a PNG of the picture's size, or of another [width, height]. */
  async toPng(colours, size = null) {
    const canvas = new OffscreenCanvas(this.width, this.height);
    canvas.getContext('2d').putImageData(this.image(colours), 0, 0);
    return (size ? resized(canvas, size) : canvas).convertToBlob({ type: 'image/png' });
  }
}

/** A canvas in another size, each pixel one of the old ones. */
function resized(canvas, [width, height]) {
  const other = new OffscreenCanvas(width, height);
  const context = other.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, width, height);
  return other;
}

/** White for the subject, black for the background, nothing elsewhere: the strokes of `matte image --strokes`. */
export const AS_STROKES = [[0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 255], [0, 0, 0, 0]];

/** White, grey and black: the trimap of `matte image --trimap`. */
export const AS_TRIMAP = [[128, 128, 128, 255], [255, 255, 255, 255], [0, 0, 0, 255], [128, 128, 128, 255]];

/** The labels of a trimap, given as RGBA pixels. */
export function labelsOfTrimap({ width, height, data }) {
  const labels = new Uint8Array(width * height);
  for (let index = 0; index < labels.length; index++) {
    const level = data[4 * index];
    labels[index] = level > 191 ? FOREGROUND : level < 64 ? BACKGROUND : UNKNOWN;
  }
  return labels;
}

/** Colours as the 32-bit words that ImageData has in memory. */
function packed(colours) {
  return new Uint32Array(new Uint8Array(colours.flat()).buffer);
}

function countLabels(data) {
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < data.length; index++) counts[data[index]]++;
  return counts;
}

function cut(data, stride, { left, top, right, bottom }) {
  const width = right - left;
  const pixels = new Uint8Array(width * (bottom - top));
  for (let y = top; y < bottom; y++) pixels.set(data.subarray(y * stride + left, y * stride + right), (y - top) * width);
  return pixels;
}

function union(one, other) {
  if (!one || !other) return one ?? other;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}
