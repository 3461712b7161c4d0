// @ts-check
// The customer's page: one order in words, a progress line and a map.

import { age, serverNow, setServerTime } from "../clock.js";
import { byId, pageData, setAttribute, setText } from "../dom.js";
import { LiveSocket } from "../live-socket.js";
import { apply, arrivalWords, minutesWords, note, replace, stepStates, unknown } from "./delivery.js";
import { DeliveryMap } from "./delivery-map.js";

/** @import { CustomerFrame, Eta, OrderStatus, TrackPage } from "../../../types/server" */

const BANNER_AFTER_MS = 2_500; // a blink of the network is not worth a word

/** @type {TrackPage} */
const page = pageData("page");
const map = new DeliveryMap(byId("map"), byId("recenter"), page);

let delivery = unknown(page.deliveredAt);
/** @type {ReturnType<typeof setTimeout> | undefined} */
let bannerTimer;

/** @param {typeof delivery} next */
function take(next) {
  delivery = next;
  show();
}

function show() {
  const { status, eta, driver, route } = delivery;
  if (!status) return;
  const final = isOver();
  setText(byId("message"), status.message);
  setAttribute(byId("sheet"), "data-status", status.status);
  showEta(final ? null : eta, status.status);
  document.title = [eta && !final && eta.minutes && `${minutesWords(eta)} min`, status.message, "Doorstep"]
    .filter(Boolean)
    .join(" · ");
  showSteps(status.status);
  showNote();
  map.show({ status: status.status, driver: final ? null : driver, route: final ? null : route });
}

function isOver() {
  return delivery.status !== null && page.final.includes(delivery.status.status);
}

/**
 * @param {Eta | null} eta
 * @param {OrderStatus} status
 */
function showEta(eta, status) {
  const known = Boolean(eta?.minutes);
  byId("eta-minutes").hidden = !known;
  byId("eta-about").hidden = !eta?.approximate;
  setText(byId("eta-number"), minutesWords(eta));
  setText(byId("eta-words"), arrivalWords(delivery, status, page));
  const before = (known && eta?.stopsBefore) || 0;
  byId("stops-before").hidden = !before;
  setText(byId("stops-before"), before === 1 ? "1 stop before yours" : `${before} stops before yours`);
}

/** @param {OrderStatus} status */
function showSteps(status) {
  const elements = byId("steps").children;
  stepStates(status, page.steps).forEach((state, n) => {
    setAttribute(elements[n], "data-state", state);
    setAttribute(elements[n], "aria-current", state === "current" ? "step" : null);
  });
}

function showNote() {
  const { words, silence } = note(delivery, page, serverNow());
  const element = byId("note");
  element.hidden = !words;
  if (words) setText(element, words);
  setAttribute(element, "data-stale", silence !== null);
  map.setStale(silence === null ? "" : `last seen ${age(silence)} ago`);
}

/** @param {import("../live-socket.js").State} state */
function showConnection(state) {
  const banner = byId("connection");
  if (state === "live" || state === "refused") {
    clearTimeout(bannerTimer);
    bannerTimer = undefined;
    banner.hidden = true;
    if (state === "refused") leaveIfOver();
  } else {
    bannerTimer ??= setTimeout(() => {
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
  if (isOver()) return;
  const answer = await fetch(location.href, { method: "HEAD" });
  if (answer.status === 404) location.reload();
}

setServerTime(page.now);
take(replace(delivery, page.frames, serverNow()));
setInterval(showNote, 1_000);

/** @type {LiveSocket<CustomerFrame>} */
export const socket = new LiveSocket(page.socket, {
  snapshot: (frames) => take(replace(delivery, frames, serverNow())),
  change: (frame) => take(apply(delivery, frame, serverNow())),
  state: showConnection,
});
