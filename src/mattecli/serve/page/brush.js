/** The brush: how wide it is, and what it does to the labels that are painted. */

import * as labels from './labels.js';
import { $, chosen } from './panel.js';

const LABEL_OF = { foreground: labels.FOREGROUND, background: labels.BACKGROUND, unknown: labels.UNKNOWN, eraser: labels.NOTHING };

export class Brush {
  /** changed() is called after each whole stroke. */
  constructor(session, stage, changed) {
    this.session = session;
    this.stage = stage;
    this.changed = changed;
  }

  get ready() { return Boolean(this.session.painted); }
  get isHand() { return chosen('tool') === 'hand'; }

  /** In pixels of the picture; the slider is logarithmic. */
  get diameter() {
    const { photo } = this.session;
    const largest = Math.max(16, Math.min(photo?.width ?? 900, photo?.height ?? 900) / 3);
    return Math.round(2 * (largest / 2) ** ($('size').value / 100));
  }

  begin(erase) {
    const nothing = chosen('mode') === 'trimap' ? labels.UNKNOWN : labels.NOTHING;
    this.session.painted.begin(erase ? nothing : LABEL_OF[chosen('tool')] ?? nothing, this.diameter);
  }

  lineTo(x, y) { this.#show(this.session.painted.lineTo(x, y)); }
  cancel() { this.#show(this.session.painted.cancel()); }
  end() { if (this.session.painted.end()) this.changed(); }

  /** 'undo' or 'redo'. Returns whether there was anything to do. */
  stepHistory(step) {
    const area = this.session.painted?.[step]();
    this.#show(area);
    return Boolean(area);
  }

  #show(area) {
    if (area) this.stage.paintLabels(area);
  }
}
