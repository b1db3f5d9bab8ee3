/** Shortcuts of the whole page. Keys without Ctrl can be turned off, and never act while a person types. */

const TOOLS = { f: 'foreground', b: 'background', u: 'unknown', e: 'eraser', h: 'hand' };

/** actions: tool(name), size(step), undo(), redo(), zoomBy(factor), fit(), actualSize(), alpha(), compare(), help(), areSingleKeysOn(). */
export function listenForKeys(actions) {
  window.addEventListener('keydown', (event) => {
    if (isTyping(event.target)) return;
    const action = event.ctrlKey || event.metaKey ? withControl(event, actions) : withoutControl(event, actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function withControl(event, actions) {
  const key = event.key.toLowerCase();
  if (key === 'z') return event.shiftKey ? actions.redo : actions.undo;
  return key === 'y' ? actions.redo : null;
}

function withoutControl(event, actions) {
  if (event.altKey || !actions.areSingleKeysOn()) return null;
  const key = event.key.toLowerCase();
  if (key in TOOLS) return () => actions.tool(TOOLS[key]);
  return {
    '[': () => actions.size(-4),
    ']': () => actions.size(4),
    '+': () => actions.zoomBy(1.25),
    '=': () => actions.zoomBy(1.25),
    '-': () => actions.zoomBy(0.8),
    0: actions.fit,
    1: actions.actualSize,
    a: actions.alpha,
    c: actions.compare,
    '?': actions.help,
  }[key] ?? null;
}

function isTyping(target) {
  return target.matches?.('select, textarea, input:not([type="radio"]):not([type="checkbox"]):not([type="range"]):not([type="color"])') ?? false;
}
