/** The photo that is open, what is painted over it, and the forms in which both are sent. */

import * as labels from './labels.js';

/** Photos of more pixels are matted in a smaller copy while a person paints; downloads are made from the photo itself. */
const PREVIEW_PIXELS = 1.2e6;

export class Photo {
  constructor(file, bitmap) {
    this.file = file;
    this.bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
    this.strokes = new labels.LabelMap(this.width, this.height);
    this.trimap = null; // LabelMap once the trimap is painted
    this.preview = null; // the smaller copy's Blob
  }

  get stem() { return (this.file.name || 'photo').replace(/\.[^.]*$/, ''); }

  /** The size of the smaller copy, or null for a photo that needs none. */
  get previewSize() {
    const scale = Math.sqrt(PREVIEW_PIXELS / (this.width * this.height));
    return scale >= 1 ? null : [Math.round(this.width * scale), Math.round(this.height * scale)];
  }

  get hasStrokes() { return this.strokes.has(labels.FOREGROUND) || this.strokes.has(labels.BACKGROUND); }
  get hasBothStrokes() { return this.strokes.has(labels.FOREGROUND) && this.strokes.has(labels.BACKGROUND); }

  /** The form's files for the photo and its strokes or its trimap ('strokes', 'trimap' or null), small or in full size. */
  async files(guide, isFull) {
    const size = isFull ? null : this.previewSize;
    const files = { image: size ? await this.#small(size) : this.file };
    if (guide === 'strokes') files.strokes = await this.strokes.toPng(labels.AS_STROKES, size);
    if (guide === 'trimap') files.trimap = await this.trimap.toPng(labels.AS_TRIMAP, size);
    return files;
  }

  async #small([width, height]) {
    if (!this.preview) {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      context.imageSmoothingQuality = 'high';
      context.drawImage(this.bitmap, 0, 0, width, height);
      this.preview = await canvas.convertToBlob({ type: 'image/png' });
    }
    return this.preview;
  }

  /** Begin to paint a trimap, given as a picture of any size. */
  adoptTrimap(picture) {
    const canvas = new OffscreenCanvas(this.width, this.height);
    const context = canvas.getContext('2d');
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, this.width, this.height);
    this.trimap = new labels.LabelMap(this.width, this.height, labels.labelsOfTrimap(context.getImageData(0, 0, this.width, this.height)));
  }
}

/** Open a file as a Photo. Throws an Error with a sentence for a person; limits: { bytes, pixels } of the server, or null. */
export async function openPhoto(file, limits) {
  if (limits && file.size > limits.bytes) {
    throw new Error(`This file has ${megabytes(file.size)} and the server takes ${megabytes(limits.bytes)}; make it smaller.`);
  }
  const bitmap = await decoded(file);
  if (limits && bitmap.width * bitmap.height > limits.pixels) {
    throw new Error(`This photo has ${megapixels(bitmap.width * bitmap.height)} and the server takes ${megapixels(limits.pixels)}; scale it down.`);
  }
  return new Photo(file, bitmap);
}

/** A picture as the browser shows it, orientation applied. */
export async function decoded(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new Error('The browser cannot show this file; save it as JPEG, PNG or WebP.');
  }
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

export function megapixels(pixels) {
  return `${(pixels / 1e6).toFixed(pixels < 1e7 ? 1 : 0)} megapixels`;
}
