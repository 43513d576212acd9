// Requests to the daemon that has sent this page, and to nobody else.

const FACTS = document.documentElement.dataset;

// A proxy may serve the daemon under a path of its own.
const ROOT = location.origin + location.pathname.replace(/\/+$/, "");
const API = ROOT + FACTS.apiPrefix;
const BASE_URL = API.replace(/\/+$/, "");
const SERVED_PATHS = FACTS.paths.split(" ");
const ASKS_KEY = FACTS.asksKey === "yes";

// Here and nowhere else: it is gone with the page.
let key = "";

/** What the daemon has answered in place of what was asked for; without a status
 * where that was sent already. */
class Refused extends Error {
  constructor(status, error, requestId) {
    super(error.message);
    Object.assign(this, { status, code: error.code ?? error.type, requestId });
  }
}

function headers(more = {}) {
  const known = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  return key ? { ...known, Authorization: `Bearer ${key}`, ...more } : { ...known, ...more };
}

/** The response to a request of the API; throws Refused where it is an error. */
async function askApi(path, options = {}) {
  const response = await fetch(API + path, {
    cache: "no-store",
    ...options,
    headers: headers(options.headers),
  });
  if (!response.ok) {
    throw await refusedBy(response);
  }
  return response;
}

async function refusedBy(response) {
  const requestId = response.headers.get("x-request-id");
  try {
    return new Refused(response.status, (await response.json()).error, requestId);
  } catch {
    return new Refused(response.status, { message: response.statusText }, requestId);
  }
}

/** The JSON at one of the daemon's own paths, whatever its status. */
async function askDaemon(path) {
  const options = { cache: "no-store", headers: { Accept: "application/json" } };
  return (await fetch(ROOT + path, options)).json();
}

/** An error in words: status and code first, for people to look it up. */
function told(error) {
  if (!(error instanceof Refused)) {
    return error instanceof TypeError ? say("network") : error.message;
  }
  const head = [error.status, error.code].filter(Boolean).join(" ");
  return `${head}: ${error.message}${error.requestId ? ` (${error.requestId})` : ""}`;
}
