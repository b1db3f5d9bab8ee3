/** What is open: the photo, what is painted over it, and what the server said of its matte. */

import * as labels from './labels.js';
import { $, chosen } from './panel.js';
import { listModels } from './server.js';

const RESULTS = 'cutout,alpha,trimap,foreground';

export class Session {
  photo = null;
  record = null; // what the server said of the result that is shown
  isFull = false; // whether mattes are made in full size
  full = null; // the record of the full size, null once more is painted
  backdrop = null; // the backdrop picture's File
  limits = null;
  #models = [];

  /** Work on a photo that has just been opened. */
  begin(photo) {
    Object.assign(this, { photo, record: null, full: null, isFull: false });
  }

  /** More was painted, so results in full size are to be made anew. */
  outdate() {
    this.isFull = false;
    this.full = null;
  }

  /** Keep the record of a result that is shown. */
  keep(record) {
    this.record = record;
    if (this.isFull || !this.photo.previewSize) this.full = record;
  }

  /** Ask the server for its models and limits. Returns the models. */
  async meetServer() {
    const { models, limits } = await listModels();
    this.#models = models;
    this.limits = limits;
    return models;
  }

  /** The labels that the brush paints: strokes or a trimap; nothing before a photo is open. */
  get painted() {
    return chosen('mode') === 'trimap' ? this.photo?.trimap : this.photo?.strokes;
  }

  get hasStrokes() {
    return chosen('mode') === 'strokes' && Boolean(this.photo?.hasStrokes);
  }

  /** The form for what is painted now; null where more has to be painted first. */
  async fields(isFull = this.isFull) {
    const guide = this.#guide();
    if (guide === undefined) return null;
    return { ...(await this.photo.files(guide, isFull)), model: $('model').value, results: RESULTS };
  }

  /** The form for a quick first look at a photo, without refinement; null once there is a result, and for strokes and trimaps. */
  draftOf(fields) {
    if (this.record || fields.model || fields.strokes || fields.trimap) return null;
    return { ...fields, results: 'cutout', refine: 'none' };
  }

  /** The form for the photo in full size. Throws an Error with the hint where more has to be painted first. */
  async fullFields() {
    const form = await this.fields(true);
    if (!form) throw new Error(this.hint());
    return form;
  }

  /** What a person does next. */
  hint() {
    const { photo } = this;
    if (!this.#modelTakes('trimap')) return `${$('model').value} finds the subject by itself and takes no strokes; choose Automatic to use them.`;
    if (chosen('mode') === 'trimap') return 'What is unknown (yellow) is computed; subject and background stay as painted.';
    if (!photo?.hasStrokes) return 'Where the matte is wrong, draw a few strokes on the subject and a few beside it.';
    if (photo.hasBothStrokes) return 'Draw more where the matte is still wrong.';
    return photo.strokes.has(labels.FOREGROUND) ? 'Now draw with Background on what to leave out.' : 'Now draw with Subject on what to keep.';
  }

  /** 'strokes', 'trimap', null for none, or undefined where more has to be painted first. */
  #guide() {
    if (chosen('mode') === 'trimap') return this.photo.trimap?.canUndo ? 'trimap' : undefined;
    if (this.photo.hasStrokes) return this.photo.hasBothStrokes ? 'strokes' : undefined;
    return $('model').value && this.#modelTakes('trimap') ? undefined : null;
  }

  /** Whether the model that is chosen takes a guide; Automatic takes all. */
  #modelTakes(guide) {
    return this.#models.find(({ name }) => name === $('model').value)?.guides.includes(guide) ?? true;
  }
}
