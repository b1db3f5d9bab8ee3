/** The page: a photo, what is painted over it, and its matte. */

import { Brush } from './brush.js';
import { listenForFiles, listenToControls, shortcutsOf } from './controls.js';
import { download } from './downloads.js';
import { Matting } from './matting.js';
import { Painter } from './painter.js';
import { $, announce, choose, chosen, clearError, showError, showFacts, showModels, showPainted, startProgress, stopProgress } from './panel.js';
import { openPhoto } from './photo.js';
import { adoptToken, fetchResult, useToken } from './server.js';
import { Session } from './session.js';
import { listenForKeys } from './shortcuts.js';
import { Stage } from './stage.js';
import { setBackdropPicture, setDivider, setView } from './view.js';

const UPDATE_DELAY = 200; // ms after a stroke

const session = new Session();
const stage = new Stage($('canvas'), () => { $('zoom-value').textContent = `${Math.round(100 * stage.scale)} %`; });
const brush = new Brush(session, stage, paintingChanged);
const matting = new Matting(() => session.fields(), (fields) => session.draftOf(fields), {
  begin: (isAfterDraft) => startProgress(isAfterDraft ? 'A first look; finishing the edges' : 'Computing the matte', session.record?.seconds),
  wait: (seconds) => startProgress(`The server is busy; trying again in ${seconds} s`),
  draft: (cutout) => stage.setCutout(cutout),
  done: showResult,
  failed: showError,
  end: stopProgress,
});

function showResult(record, cutout) {
  clearError();
  session.keep(record);
  stage.setCutout(cutout);
  showFacts(record, session.full !== record);
  announce(`The matte is updated, in ${record.seconds.toFixed(1)} seconds.`);
}

let updateTimer;
function paintingChanged() {
  showPainted(session);
  session.outdate();
  clearTimeout(updateTimer);
  updateTimer = setTimeout(() => matting.update(), UPDATE_DELAY);
}

/** What the controls do. */
const page = {
  stage,

  async open(file) {
    if (!file) return;
    clearError();
    try {
      session.begin(await openPhoto(file, session.limits));
    } catch (error) {
      showError(error);
      return;
    }
    matting.abort();
    document.body.dataset.state = 'ready';
    document.body.dataset.mode = 'strokes';
    document.querySelector('input[name="mode"][value="strokes"]').checked = true;
    stage.setPhoto(session.photo.bitmap);
    stage.setLabels(session.photo.strokes, false);
    page.showSize();
    showPainted(session);
    showFacts(null, false);
    announce(`${file.name || 'The photo'} is open, ${session.photo.width} by ${session.photo.height} pixels.`);
    matting.update();
  },

  stepHistory(step) {
    if (!brush.stepHistory(step)) return;
    announce(step === 'undo' ? 'Undone.' : 'Redone.');
    paintingChanged();
  },

  clear() {
    session.photo.strokes.clear();
    stage.paintLabels();
    paintingChanged();
  },

  /** Paint strokes or the trimap behind the result that is shown. */
  async changeMode() {
    const isTrimap = chosen('mode') === 'trimap';
    if (isTrimap && !(await adoptTrimap())) return choose('mode', 'strokes');
    document.body.dataset.mode = chosen('mode');
    if (['unknown', 'eraser'].includes(chosen('tool'))) choose('tool', 'foreground');
    stage.setLabels(session.painted, isTrimap);
    showPainted(session);
    if (!isTrimap && session.photo.trimap?.canUndo) paintingChanged();
  },

  changeModel() {
    showPainted(session);
    if (session.photo) paintingChanged();
  },

  showFullSize() {
    session.isFull = true;
    matting.update();
  },

  async download(kind) {
    clearError();
    try {
      await download(kind, session, matting);
    } catch (error) {
      showError(error);
    }
  },

  setView: () => setView(stage, session),
  setDivider: () => setDivider(stage),
  setBackdropPicture: (file) => { if (file) setBackdropPicture(file, stage, session); },
  showSize() { $('size-value').textContent = `${brush.diameter} px`; },

  setToken(token) {
    useToken(token);
    clearError();
    meetServer();
  },
};

/** Let the trimap behind the result be painted, or one made of its alpha. Returns whether there is one. */
async function adoptTrimap() {
  const { photo, record } = session;
  try {
    if (!record) throw new Error('There is no matte yet; wait for it, then paint its trimap.');
    photo.adoptTrimap(await createImageBitmap(await fetchResult(record.links.trimap ?? record.links.alpha)));
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

async function meetServer() {
  try {
    showModels(await session.meetServer(), session.limits);
    if (session.photo && !session.record) matting.update();
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
showPainted(session);
meetServer();
