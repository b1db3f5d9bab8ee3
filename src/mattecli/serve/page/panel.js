/** What the page says: progress, errors, hints, and facts of a result. */

import { megabytes, megapixels } from './photo.js';

export const $ = (id) => document.getElementById(id);
export const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
export const inputOf = (name, value) => document.querySelector(`input[name="${name}"][value="${value}"]`);
export const choose = (name, value) => inputOf(name, value).click();

let progressTimer;

/** Show that something runs, and for how long already; `last` is how long it took last time, in seconds. */
export function startProgress(text, last = null) {
  clearInterval(progressTimer);
  const begin = performance.now();
  const ending = last === null ? '' : ` (last time ${last.toFixed(1)} s)`;
  const show = () => { $('progress-text').textContent = `${text}: ${((performance.now() - begin) / 1000).toFixed(1)} s${ending}`; };
  show();
  progressTimer = setInterval(show, 100);
  $('progress').hidden = false;
  document.querySelector('.stage').ariaBusy = 'true';
}

export function stopProgress() {
  clearInterval(progressTimer);
  $('progress').hidden = true;
  document.querySelector('.stage').ariaBusy = 'false';
}

/** Show what went wrong; where the server asks for its token, ask the person for it. */
export function showError(error) {
  if (error.status === 401) {
    $('token-form').hidden = false;
    $('token').focus();
    return;
  }
  $('alert').textContent = sentence(error.message);
  $('alert').hidden = false;
}

export function clearError() {
  $('alert').hidden = true;
}

/** To a screen reader. */
export function announce(text) {
  $('status').textContent = text;
}

/** Offer the server's models, and tell its limits. */
export function showModels(models, limits) {
  const options = models.map(({ name, guides }) => new Option(guides.length ? `${name} (needs ${guides.join(', ')})` : name, name));
  $('model').replaceChildren(new Option('Automatic', ''), ...options);
  $('limits').textContent = `, up to ${megabytes(limits.bytes)} and ${megapixels(limits.pixels)}`;
  $('token-form').hidden = true;
}

/** Offer what can be done with what is painted, and say what comes next. */
export function showPainted(session) {
  $('undo').disabled = !session.painted?.canUndo;
  $('redo').disabled = !session.painted?.canRedo;
  $('clear').disabled = !session.hasStrokes;
  document.querySelector('[data-download="strokes"]').hidden = !session.hasStrokes;
  $('hint').textContent = session.hint();
}

/** Say how a result was made; record is null while there is none. */
export function showFacts(record, isPreview) {
  for (const button of document.querySelectorAll('[data-download]')) {
    const kind = button.dataset.download;
    button.disabled = kind !== 'strokes' && !(record && (kind === 'composite' || record.links[kind]));
  }
  $('facts').textContent = record ? factsOf(record, isPreview) : '';
  $('full-size').hidden = !isPreview;
  const items = (record?.notes ?? []).map((note) => Object.assign(document.createElement('li'), { textContent: sentence(note) }));
  $('notes').replaceChildren(...items);
}

function factsOf(record, isPreview) {
  const guide = record.guide ? ` from ${record.guide}` : '';
  const refined = record.refine ? `, refined with ${record.refine}` : '';
  const made = `${record.model}${guide}${refined}, ${record.seconds.toFixed(1)} s on ${record.device}`;
  const size = `${record.width} × ${record.height}`;
  return isPreview ? `Preview in ${size}: ${made}. Downloads are made in full size.` : `${size}: ${made}.`;
}

/** A sentence with a capital and a full stop. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
