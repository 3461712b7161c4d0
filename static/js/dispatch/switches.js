// @ts-check
// What is switched on for a while at a restaurant or in a city: a pause, or minutes that are promised more.

import { serverNow, timeFrom } from "../clock.js";
import { find, setAttribute, setText } from "../dom.js";

/** @import { ExtraMinutes, Locale, Pause } from "../../../types/server" */
/** @import { Part } from "../dom.js" */
/** @import { Desk } from "./desk.js" */
/**
 * A restaurant or a city.
 * @typedef {object} Place
 * @property {string} id
 * @property {string} name
 * @property {Pause | null} [pause]
 * @property {ExtraMinutes | null} [extra]
 */

/** One click is for so long. */
const PAUSE_MS = 30 * 60_000;
const EXTRA_MS = 60 * 60_000;
const EXTRA_MINUTES = 15;

/**
 * What is on now: it may have been planned ahead, and ends by itself.
 * @template {{ since: number, until: number | null }} Switch
 * @param {Switch | null | undefined} one
 * @param {number} now ms
 * @returns {Switch | null}
 */
export const on = (one, now) => (one && one.since <= now && (one.until === null || now < one.until) ? one : null);

/**
 * "Paused until 6:42 PM: too busy".
 * @param {Pause} pause
 * @param {Locale} locale
 * @param {number} now
 */
export function pauseWords({ until, reason }, locale, now) {
  const end = until === null ? "" : ` until ${timeFrom(until, locale, now)}`;
  return `Paused${end}${reason && `: ${reason}`}`;
}

/**
 * "+15 min until 6:42 PM".
 * @param {ExtraMinutes} extra
 * @param {Locale} locale
 * @param {number} now
 */
export const extraWords = ({ minutes, until }, locale, now) => `+${minutes} min until ${timeFrom(until, locale, now)}`;

/**
 * A pause as a dispatcher wants it: for so long from now on, or for another reason.
 * @param {Pause} pause
 * @param {string} choice "for:30" (minutes), "for:open" (until somebody resumes), "why:too busy"
 * @param {number} now
 * @returns {Pick<Pause, "until" | "reason">}
 */
export function changed({ until, reason }, choice, now) {
  const [what, value] = choice.split(":");
  if (what === "why") return { until, reason: value };
  return { until: value === "open" ? null : now + Number(value) * 60_000, reason };
}

/**
 * Two buttons: each puts its switch on, or ends it. What is paused can be for longer, and say why.
 * @param {Part} part
 * @param {Desk} desk
 * @param {Place | null} place null: there is none to switch
 * @param {Locale} locale
 */
export function drawSwitches(part, desk, place, locale) {
  part.hidden = !place;
  if (!place) return;
  const now = serverNow();
  const [pause, extra] = [on(place.pause, now), on(place.extra, now)];
  drawSwitch(part.fields.extra, {
    words: extra ? `× ${extraWords(extra, locale, now)}` : `+${EXTRA_MINUTES} min`,
    title: extra
      ? `${place.name}: promise as usual again`
      : `${place.name}: promise ${EXTRA_MINUTES} min more to who orders in the next hour`,
    isOn: Boolean(extra),
    flip: () =>
      extra
        ? desk.promiseAsUsual({ ...place, extra })
        : desk.promiseLater(place, EXTRA_MINUTES, serverNow() + EXTRA_MS),
  });
  drawSwitch(part.fields.pause, {
    words: pause ? `× ${pauseWords(pause, locale, now)}` : "Pause",
    title: pause
      ? `${place.name}: send drivers for food again`
      : `${place.name}: send nobody for food for half an hour; orders are taken all the same`,
    isOn: Boolean(pause),
    flip: () => (pause ? desk.resume({ ...place, pause }) : desk.pause(place, serverNow() + PAUSE_MS)),
  });
  const more = find(part, "select", HTMLSelectElement);
  more.hidden = !pause;
  if (!pause) return;
  more.onchange = () => {
    const { until, reason } = changed(pause, more.value, serverNow());
    more.value = "";
    desk.pause(place, until, reason);
  };
}

/**
 * @param {HTMLElement} button
 * @param {{ words: string, title: string, isOn: boolean, flip: () => void }} shown
 */
function drawSwitch(button, { words, title, isOn, flip }) {
  setText(button, words);
  setAttribute(button, "title", title);
  setAttribute(button, "aria-label", `${words}. ${title}`);
  setAttribute(button, "data-on", isOn);
  button.onclick = flip;
}
