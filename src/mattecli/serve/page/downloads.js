/** Results as files, in full size. */

import * as labels from './labels.js';
import { $, chosen } from './panel.js';
import { fetchResult } from './server.js';

/** Save a kind of result. It is made first where only a preview is there, or where the server no longer keeps it. */
export async function download(kind, session, matting) {
  save(await resultOf(kind, session, matting), `${session.photo.stem}_${kind}.png`);
}

async function resultOf(kind, session, matting) {
  if (kind === 'strokes') return session.photo.strokes.toPng(labels.AS_STROKES);
  if (kind === 'composite') return composite(session, matting);
  session.full ??= await matting.once(await session.fullFields());
  try {
    return await fetchResult(session.full.links[kind]);
  } catch (error) {
    if (error.status !== 404) throw error;
    session.full = await matting.once(await session.fullFields());
    return fetchResult(session.full.links[kind]);
  }
}

async function composite(session, matting) {
  const over = chosen('backdrop') === 'colour' ? $('colour').value : session.backdrop;
  const record = await matting.once({ ...(await session.fullFields()), results: 'composite', over });
  return fetchResult(record.links.composite);
}

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
