/** The page: a photo, what is painted over it, and its matte. */

import { listenForFiles, listenToControls, shortcutsOf } from './controls.js';
import * as labels from './labels.js';
import { Matting } from './matting.js';
import { Painter } from './painter.js';
import { $, announce, choose, chosen, clearError, showError, showFacts, startProgress, stopProgress } from './panel.js';
import { decoded, megabytes, megapixels, openPhoto } from './photo.js';
import { adoptToken, fetchResult, listModels, useToken } from './server.js';
import { listenForKeys } from './shortcuts.js';
import { Stage } from './stage.js';

const RESULTS = 'cutout,alpha,trimap,foreground';
const LABEL_OF = { foreground: labels.FOREGROUND, background: labels.BACKGROUND, unknown: labels.UNKNOWN, eraser: labels.NOTHING };
const UPDATE_DELAY = 200; // ms after a stroke

const state = {
  photo: null,
  record: null, // what the server said of the result that is shown
  isFull: false, // whether mattes are made in full size
  full: null, // the record of the full size, null once more is painted
  models: [],
  limits: null,
  backdrop: null, // the backdrop picture's File
};

const stage = new Stage($('canvas'), () => { $('zoom-value').textContent = `${Math.round(100 * stage.scale)} %`; });
const matting = new Matting(() => fields(state.isFull), {
  begin: () => startProgress('Computing the matte', state.record?.seconds),
  wait: (seconds) => startProgress(`The server is busy; trying again in ${seconds} s`),
  done: showResult,
  failed: showError,
  end: stopProgress,
});

/** The form for what is painted now; null where more has to be painted first. */
async function fields(isFull) {
  const guide = guideOf(state.photo);
  if (guide === undefined) return null;
  return { ...(await state.photo.files(guide, isFull)), model: $('model').value, results: RESULTS };
}

/** 'strokes', 'trimap', null for none, or undefined where more has to be painted first. */
function guideOf(photo) {
  if (chosen('mode') === 'trimap') return photo.trimap?.canUndo ? 'trimap' : undefined;
  if (photo.hasStrokes) return photo.hasBothStrokes ? 'strokes' : undefined;
  return $('model').value && modelTakes('trimap') ? undefined : null;
}

/** Whether the model that is chosen takes a guide; Automatic takes all. */
function modelTakes(guide) {
  return state.models.find(({ name }) => name === $('model').value)?.guides.includes(guide) ?? true;
}

function showResult(record, cutout) {
  clearError();
  state.record = record;
  if (state.isFull || !state.photo.previewSize) state.full = record;
  stage.setCutout(cutout);
  showFacts(record, state.full !== record);
  announce(`The matte is updated, in ${record.seconds.toFixed(1)} seconds.`);
}

// painting

function painted() {
  return chosen('mode') === 'trimap' ? state.photo?.trimap : state.photo?.strokes;
}

/** The pen's diameter in pixels of the picture; the slider is logarithmic. */
function penDiameter() {
  const largest = Math.max(16, Math.min(state.photo?.width ?? 900, state.photo?.height ?? 900) / 3);
  return Math.round(2 * (largest / 2) ** ($('size').value / 100));
}

const brush = {
  get ready() { return Boolean(painted()); },
  get isHand() { return chosen('tool') === 'hand'; },
  get diameter() { return penDiameter(); },
  begin(erase) {
    const nothing = chosen('mode') === 'trimap' ? labels.UNKNOWN : labels.NOTHING;
    painted().begin(erase ? nothing : LABEL_OF[chosen('tool')] ?? nothing, penDiameter());
  },
  lineTo: (x, y) => paintArea(painted().lineTo(x, y)),
  cancel: () => paintArea(painted().cancel()),
  end() { if (painted().end()) paintingChanged(); },
};

function paintArea(area) {
  if (area) stage.paintLabels(area);
}

let updateTimer;
function paintingChanged() {
  showPainted();
  state.isFull = false;
  state.full = null;
  clearTimeout(updateTimer);
  updateTimer = setTimeout(() => matting.update(), UPDATE_DELAY);
}

function showPainted() {
  const map = painted();
  const hasStrokes = chosen('mode') === 'strokes' && Boolean(state.photo?.hasStrokes);
  $('undo').disabled = !map?.canUndo;
  $('redo').disabled = !map?.canRedo;
  $('clear').disabled = !hasStrokes;
  document.querySelector('[data-download="strokes"]').hidden = !hasStrokes;
  $('hint').textContent = hint();
}

function hint() {
  const { photo } = state;
  if (!modelTakes('trimap')) return `${$('model').value} finds the subject by itself and takes no strokes; choose Automatic to use them.`;
  if (chosen('mode') === 'trimap') return 'What is unknown (yellow) is computed; subject and background stay as painted.';
  if (!photo?.hasStrokes) return 'Where the matte is wrong, draw a few strokes on the subject and a few beside it.';
  if (photo.hasBothStrokes) return 'Draw more where the matte is still wrong.';
  return photo.strokes.has(labels.FOREGROUND) ? 'Now draw with Background on what to leave out.' : 'Now draw with Subject on what to keep.';
}

// the actions of the controls

const page = {
  stage,

  async open(file) {
    if (!file) return;
    clearError();
    try {
      state.photo = await openPhoto(file, state.limits);
    } catch (error) {
      showError(error);
      return;
    }
    matting.abort();
    Object.assign(state, { record: null, full: null, isFull: false });
    document.body.dataset.state = 'ready';
    document.body.dataset.mode = 'strokes';
    document.querySelector('input[name="mode"][value="strokes"]').checked = true;
    stage.setPhoto(state.photo.bitmap);
    stage.setLabels(state.photo.strokes, false);
    page.showSize();
    showPainted();
    showFacts(null, false);
    announce(`${file.name || 'The photo'} is open, ${state.photo.width} by ${state.photo.height} pixels.`);
    matting.update();
  },

  stepHistory(step) {
    const area = painted()?.[step]();
    if (!area) return;
    paintArea(area);
    announce(step === 'undo' ? 'Undone.' : 'Redone.');
    paintingChanged();
  },

  clear() {
    state.photo.strokes.clear();
    stage.paintLabels();
    paintingChanged();
  },

  /** Paint strokes or the trimap behind the result that is shown. */
  async changeMode() {
    const isTrimap = chosen('mode') === 'trimap';
    if (isTrimap && !(await adoptTrimap())) return choose('mode', 'strokes');
    document.body.dataset.mode = chosen('mode');
    if (['unknown', 'eraser'].includes(chosen('tool'))) choose('tool', 'foreground');
    stage.setLabels(painted(), isTrimap);
    showPainted();
    if (!isTrimap && state.photo.trimap?.canUndo) paintingChanged();
  },

  changeModel() {
    showPainted();
    if (state.photo) paintingChanged();
  },

  showFullSize() {
    state.isFull = true;
    matting.update();
  },

  async download(kind) {
    clearError();
    try {
      save(await resultOf(kind), `${state.photo.stem}_${kind}.png`);
    } catch (error) {
      showError(error);
    }
  },

  setView() {
    const backdrop = chosen('backdrop');
    $('colour-row').hidden = backdrop !== 'colour';
    $('picture-row').hidden = backdrop !== 'picture';
    $('backdrops').hidden = chosen('view') !== 'cutout';
    document.querySelector('[data-download="composite"]').hidden = backdrop === 'checker' || (backdrop === 'picture' && !state.backdrop);
    stage.set({ view: chosen('view'), backdrop, colour: $('colour').value, strokes: $('show-strokes').checked });
  },

  async setBackdropPicture(file) {
    if (!file) return;
    try {
      stage.set({ picture: await decoded(file) });
      state.backdrop = file;
      $('backdrop-name').textContent = file.name;
      page.setView();
    } catch (error) {
      showError(error);
    }
  },

  setDivider() {
    const isOn = $('compare').checked;
    const place = $('divider-range').value / 100;
    $('divider').hidden = $('divider-row').hidden = !isOn;
    $('divider').style.left = `${100 * place}%`;
    stage.set({ divider: isOn ? place : null });
  },

  showSize() {
    $('size-value').textContent = `${penDiameter()} px`;
  },

  setToken(token) {
    useToken(token);
    clearError();
    loadModels();
  },
};

/** Let the trimap behind the result be painted, or one made of its alpha. Returns whether there is one. */
async function adoptTrimap() {
  const { photo, record } = state;
  try {
    if (!record) throw new Error('There is no matte yet; wait for it, then paint its trimap.');
    photo.adoptTrimap(await createImageBitmap(await fetchResult(record.links.trimap ?? record.links.alpha)));
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

// downloads

/** The file of a kind of result, in full size; it is made first where only a preview is there. */
async function resultOf(kind) {
  if (kind === 'strokes') return state.photo.strokes.toPng(labels.AS_STROKES);
  if (kind === 'composite') {
    const over = chosen('backdrop') === 'colour' ? $('colour').value : state.backdrop;
    const record = await matting.once({ ...(await fullFields()), results: 'composite', over });
    return fetchResult(record.links.composite);
  }
  state.full ??= await matting.once(await fullFields());
  try {
    return await fetchResult(state.full.links[kind]);
  } catch (error) {
    if (error.status !== 404) throw error;
    state.full = await matting.once(await fullFields()); // the server keeps results for some minutes only
    return fetchResult(state.full.links[kind]);
  }
}

async function fullFields() {
  const form = await fields(true);
  if (!form) throw new Error(hint());
  return form;
}

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function loadModels() {
  try {
    const { models, limits } = await listModels();
    Object.assign(state, { models, limits });
    const options = models.map(({ name, guides }) => new Option(guides.length ? `${name} (needs ${guides.join(', ')})` : name, name));
    $('model').replaceChildren(new Option('Automatic', ''), ...options);
    $('limits').textContent = `, up to ${megabytes(limits.bytes)} and ${megapixels(limits.pixels)}`;
    $('token-form').hidden = true;
    if (state.photo && !state.record) matting.update();
  } catch (error) {
    showError(error);
  }
}

new Painter(stage, $('ring'), brush);
listenToControls(page);
listenForFiles(page.open);
listenForKeys(shortcutsOf(page));
document.body.dataset.mode = chosen('mode');
adoptToken();
page.showSize();
page.setView();
page.setDivider();
showPainted();
loadModels();
