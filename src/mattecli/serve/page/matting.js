/** Asking the server for mattes: one request at a time, and after it the newest state if that has changed meanwhile. */

import { fetchResult, makeMatte } from './server.js';

const MOST_WAITS = 20;

export class Matting {
  /**
   * fields(): the form's fields for what is painted now, or null where there is nothing to ask for.
   * draftOf(fields): the fields of a quick draft that is shown before, or null for none.
   * on: { begin(isAfterDraft), wait(seconds), draft(cutout), done(record, cutout), failed(error), end() }
   */
  constructor(fields, draftOf, on) {
    this.fields = fields;
    this.draftOf = draftOf;
    this.on = on;
    this.running = null;
    this.isStale = false;
  }

  /** Have the newest state matted. */
  update() {
    this.isStale = true;
    if (!this.running) this.#run();
  }

  /** Forget the request that is on its way. */
  abort() {
    this.running?.abort();
    this.running = null;
    this.isStale = false;
    this.on.end();
  }

  /** Ask for one matte beside the others. Returns the record. */
  async once(fields) {
    this.on.begin();
    try {
      return await this.#patiently(fields, new AbortController().signal);
    } finally {
      this.on.end();
    }
  }

  async #run() {
    const control = new AbortController();
    this.running = control;
    try {
      while (this.isStale && this.running === control) {
        this.isStale = false;
        this.on.begin();
        const fields = await this.fields();
        if (fields) await this.#make(fields, control);
      }
    } catch (error) {
      if (this.running === control) this.on.failed(error);
    } finally {
      if (this.running === control) {
        this.running = null;
        this.on.end();
      }
    }
  }

  async #make(fields, control) {
    const draft = this.draftOf(fields);
    if (draft) {
      const { cutout } = await this.#cutout(draft, control.signal);
      if (this.isStale || this.running !== control) return;
      this.on.draft(cutout);
      this.on.begin(true);
    }
    const { record, cutout } = await this.#cutout(fields, control.signal);
    if (this.running === control) this.on.done(record, cutout);
  }

  async #cutout(fields, signal) {
    const record = await this.#patiently(fields, signal);
    return { record, cutout: await createImageBitmap(await fetchResult(record.links.cutout, signal)) };
  }

  /** Ask, and ask again when a busy server says to. */
  async #patiently(fields, signal) {
    for (let tries = 0; ; tries++) {
      try {
        return await makeMatte(fields, signal);
      } catch (error) {
        if (![429, 503].includes(error.status) || !error.retryAfter || tries >= MOST_WAITS) throw error;
        this.on.wait(error.retryAfter);
        await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter));
        signal.throwIfAborted();
        this.on.begin();
      }
    }
  }
}
