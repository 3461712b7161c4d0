// The customer's page: folds the frames of one order into words, a progress line and a map.

import { age, clockTime, serverNow, setServerTime } from "./clock.js";
import { pageData, setAttribute, setText } from "./dom.js";
import { LiveSocket } from "./live-socket.js";
import { DeliveryMap } from "./track-map.js";

const BANNER_AFTER_MS = 2_500; // a blink of the network is not worth a word

const page = pageData("page");
const byId = (id) => document.getElementById(id);
const map = new DeliveryMap(byId("map"), byId("recenter"), page);

const NOTHING = { status: null, eta: null, driver: null, route: null };
let order = { ...NOTHING };
let arrivesAt = null;
let deliveredAt = page.deliveredAt;
let bannerTimer = 0;

function fold(known, frame) {
  switch (frame.type) {
    case "status":
      return { ...known, status: frame };
    case "eta":
      return { ...known, eta: frame };
    case "route":
      return { ...known, route: frame.geometry };
    case "driver_pos":
      return known.driver && known.driver.ts > frame.ts ? known : { ...known, driver: frame };
    case "driver_hidden":
      return { ...known, driver: null, route: null };
    default:
      return known;
  }
}

function take(next) {
  if (next.eta?.minutes !== order.eta?.minutes || next.eta?.v !== order.eta?.v) {
    arrivesAt = next.eta?.minutes ? serverNow() + next.eta.minutes * 60_000 : null;
  }
  if (next.status?.status === "delivered") deliveredAt ??= serverNow();
  order = next;
  show();
}

function show() {
  const { status, eta, driver } = order;
  if (!status) return;
  const final = page.final.includes(status.status);
  setText(byId("message"), status.message);
  setAttribute(byId("sheet"), "data-status", status.status);
  showEta(final ? null : eta, status.status);
  showSteps(status.status);
  showNote();
  map.show({ status: status.status, driver: final ? null : driver, route: final ? null : order.route });
}

function showEta(eta, status) {
  const minutes = eta?.minutes ?? null;
  byId("eta-minutes").hidden = minutes === null;
  byId("eta-about").hidden = !eta?.approximate;
  setText(byId("eta-number"), minutesWords(eta));
  setText(byId("eta-words"), etaWords(minutes, status));
  const before = (minutes !== null && eta.stopsBefore) || 0;
  byId("stops-before").hidden = !before;
  setText(byId("stops-before"), before === 1 ? "1 stop before yours" : `${before} stops before yours`);
  document.title = `${minutes === null ? "" : `${minutesWords(eta)} min · `}${order.status.message} · Doorstep`;
}

/** "12–16", or "14" where nobody can say how far off that is. */
function minutesWords(eta) {
  if (!eta?.minutes) return "";
  return eta.low ? `${eta.low}–${eta.high}` : String(eta.minutes);
}

function etaWords(minutes, status) {
  if (status === "delivered") return `Handed over at ${clockTime(deliveredAt, page.timeZone)}`;
  if (minutes !== null) return `Arrives around ${clockTime(arrivesAt, page.timeZone)}`;
  return page.noEta[status] ?? "";
}

function showSteps(status) {
  const reached = Math.max(0, page.steps.indexOf(status));
  [...byId("steps").children].forEach((step, n) => {
    const done = n < reached || status === "delivered";
    setAttribute(step, "data-state", done ? "done" : n === reached ? "current" : "ahead");
    setAttribute(step, "aria-current", !done && n === reached ? "step" : null);
  });
}

/** What a look at the map may leave open: an old position, or none. */
function showNote() {
  const silence = order.driver ? serverNow() - order.driver.ts : 0;
  const stale = silence > page.staleAfterMs;
  const elsewhere = !order.driver && order.eta?.minutes && order.eta.stopsBefore;
  const words = stale
    ? `Driver last seen ${age(silence)} ago`
    : elsewhere && "Your driver shows up on the map once your stop is next.";
  const note = byId("note");
  note.hidden = !words || page.final.includes(order.status?.status);
  if (words) setText(note, words);
  setAttribute(note, "data-stale", stale);
  map.setStale(stale ? `last seen ${age(silence)} ago` : "");
}

function showConnection(state) {
  const banner = byId("connection");
  if (state === "live" || state === "refused") {
    clearTimeout(bannerTimer);
    bannerTimer = 0;
    banner.hidden = true;
    if (state === "refused") leaveIfOver();
  } else {
    bannerTimer ||= setTimeout(() => {
      setText(
        banner,
        navigator.onLine
          ? "Connection lost. Reconnecting…"
          : "You’re offline. This page catches up by itself.",
      );
      banner.hidden = false;
    }, BANNER_AFTER_MS);
  }
}

/** A link ends some minutes after its order. A page that shows the end may stay; any other would be telling tales. */
async function leaveIfOver() {
  if (page.final.includes(order.status?.status)) return;
  const answer = await fetch(location.href, { method: "HEAD" });
  if (answer.status === 404) location.reload();
}

setServerTime(page.now);
take(page.frames.reduce(fold, NOTHING));
setInterval(showNote, 1_000);

export const socket = new LiveSocket(page.socket, {
  snapshot: (frames) => take(frames.reduce(fold, NOTHING)),
  frame: (frame) => take(fold(order, frame)),
  state: showConnection,
});
