/** How the result is looked at: what lies behind it, and the divider between before and after. */

import { $, chosen, showError } from './panel.js';
import { decoded } from './photo.js';

/** Show what the controls of the view say. */
export function setView(stage, session) {
  const backdrop = chosen('backdrop');
  $('colour-row').hidden = backdrop !== 'colour';
  $('picture-row').hidden = backdrop !== 'picture';
  $('backdrops').hidden = chosen('view') !== 'cutout';
  document.querySelector('[data-download="composite"]').hidden = backdrop === 'checker' || (backdrop === 'picture' && !session.backdrop);
  stage.set({ view: chosen('view'), backdrop, colour: $('colour').value, strokes: $('show-strokes').checked });
}

/** Lay the result over a picture. */
export async function setBackdropPicture(file, stage, session) {
  try {
    stage.set({ picture: await decoded(file) });
    session.backdrop = file;
    $('backdrop-name').textContent = file.name;
    setView(stage, session);
  } catch (error) {
    showError(error);
  }
}

/** Show the divider where its slider is, if before and after are compared. */
export function setDivider(stage) {
  const isOn = $('compare').checked;
  const place = $('divider-range').value / 100;
  $('divider').hidden = $('divider-row').hidden = !isOn;
  $('divider').style.left = `${100 * place}%`;
  stage.set({ divider: isOn ? place : null });
}
