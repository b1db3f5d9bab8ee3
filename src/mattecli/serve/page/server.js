/** The calls to the service. */

const TOKEN_KEY = 'matte-token';

/** What the server refused, with its HTTP status and, where it is only busy, the seconds to wait. */
export class Refusal extends Error {
  constructor(message, status, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A token behind # in the address is kept for this tab and taken out of the address. */
export function adoptToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return;
  useToken(token);
  history.replaceState(null, '', location.pathname + location.search);
}

export function useToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** The models and limits of the service. */
export async function listModels() {
  return (await call('v1/models')).json();
}

/** Make a matte; `fields` are the form's fields and files. Returns the JSON record with links to the results. */
export async function makeMatte(fields, signal) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) body.append(name, value, name);
    else if (value) body.append(name, value);
  }
  const answer = await call('v1/matte', { method: 'POST', body, signal, headers: { Accept: 'application/json' } });
  return answer.json();
}

/** A result as a Blob. */
export async function fetchResult(link, signal) {
  return (await call(link.replace(/^\//, ''), { signal })).blob();
}

async function call(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal('The server cannot be reached. Check that it is running.', 0);
  }
  if (answer.ok) return answer;
  throw await refusal(answer);
}

async function refusal(answer) {
  const problem = await answer.json().catch(() => null);
  const retryAfter = Number(answer.headers.get('Retry-After')) || null;
  return new Refusal(problem?.detail ?? `The server answered ${answer.status}.`, answer.status, retryAfter);
}
