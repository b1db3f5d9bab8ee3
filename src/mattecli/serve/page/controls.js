/** Which control does what. */

import { $, choose, chosen, inputOf } from './panel.js';

/** Connect the page's controls with `page`, the actions of app.js. */
export function listenToControls(page) {
  const onClick = (actions) => Object.entries(actions).forEach(([id, action]) => $(id).addEventListener('click', action));
  const onInput = (selector, action) => document.querySelectorAll(selector).forEach((input) => input.addEventListener('input', action));
  onClick({
    choose: () => $('file').click(),
    'new-photo': () => $('file').click(),
    'choose-backdrop': () => $('backdrop-file').click(),
    undo: () => page.stepHistory('undo'),
    redo: () => page.stepHistory('redo'),
    clear: page.clear,
    'zoom-in': () => page.stage.zoomBy(1.25),
    'zoom-out': () => page.stage.zoomBy(0.8),
    'zoom-fit': () => page.stage.fit(),
    'zoom-one': () => page.stage.actualSize(),
    'show-keys': () => $('keys').showModal(),
    'full-size': page.showFullSize,
  });
  for (const button of document.querySelectorAll('[data-download]')) button.addEventListener('click', () => page.download(button.dataset.download));
  onInput('input[name="mode"]', page.changeMode);
  onInput('input[name="view"], input[name="backdrop"], #show-strokes, #colour', page.setView);
  onInput('#compare, #divider-range', page.setDivider);
  onInput('#size', page.showSize);
  onInput('#model', page.changeModel);
  onFile('file', page.open);
  onFile('backdrop-file', page.setBackdropPicture);
  $('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    page.setToken($('token').value.trim());
  });
  listenToDivider(page.setDivider);
}

function onFile(id, action) {
  $(id).addEventListener('change', () => {
    action($(id).files[0]);
    $(id).value = ''; // so that the same file can be chosen again
  });
}

function listenToDivider(moved) {
  const divider = $('divider');
  divider.addEventListener('pointerdown', (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    const box = $('canvas').getBoundingClientRect();
    $('divider-range').value = (100 * (event.clientX - box.left)) / box.width;
    moved();
  });
}

/** Files that are dropped on the window or pasted. */
export function listenForFiles(open) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  const setOver = (isOver) => $('drop').classList.toggle('over', isOver);
  window.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    setOver(true);
  });
  window.addEventListener('dragleave', (event) => { if (!event.relatedTarget) setOver(false); });
  window.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    setOver(false);
    open(event.dataTransfer.files[0]);
  });
  window.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) open(file);
  });
}

/** The actions behind the shortcuts. */
export function shortcutsOf(page) {
  const isShown = (name) => getComputedStyle(inputOf('tool', name).parentElement).display !== 'none';
  return {
    tool: (name) => { if (isShown(name)) choose('tool', name); },
    size(step) {
      $('size').value = Number($('size').value) + step;
      page.showSize();
    },
    undo: () => page.stepHistory('undo'),
    redo: () => page.stepHistory('redo'),
    zoomBy: (factor) => page.stage.zoomBy(factor),
    fit: () => page.stage.fit(),
    actualSize: () => page.stage.actualSize(),
    alpha: () => choose('view', chosen('view') === 'alpha' ? 'cutout' : 'alpha'),
    compare: () => $('compare').click(),
    help: () => $('keys').showModal(),
    areSingleKeysOn: () => $('single-keys').checked && !$('keys').open,
  };
}
