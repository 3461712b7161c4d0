// @ts-check
// The city buttons: where to look, how many drivers are on shift there, how many orders wait.

import { serverNow } from "../clock.js";
import { byId, el, setAttribute, setText, syncList } from "../dom.js";
import { on, pauseWords } from "./switches.js";
import { plural } from "./words.js";

/** @import { Desk } from "./desk.js" */
/** @typedef {{ id: string | null, name: string }} City null: all of them */

/**
 * @param {Desk} desk
 * @param {(cityId: string | null) => void} choose
 */
export function drawCities(desk, choose) {
  const drivers = [...desk.fleet.drivers.values()].filter((driver) => driver.onShift);
  const waiting = desk.fleet.orders().filter((order) => desk.fleet.isPending(order));
  const now = serverNow();
  const create = (/** @type {City} */ city) => {
    const [count, badge] = [el("span", { class: "count" }), el("span", { class: "badge" })];
    const name = el("span", {}, city.name);
    const button = el("button", { type: "button", onclick: () => choose(city.id) }, name, count, badge);
    return Object.assign(button, { count, badge });
  };
  /** @type {City[]} */
  const cities = [{ id: null, name: "All" }, ...desk.cities.values()];
  syncList(
    byId("cities"),
    cities,
    (city) => city.id,
    create,
    (button, city) => {
      const isHere = (/** @type {{ cityId: string | null }} */ { cityId }) => city.id === null || cityId === city.id;
      const [working, open] = [drivers.filter(isHere).length, waiting.filter(isHere).length];
      const pause = city.id === null ? null : on(desk.fleet.cities.get(city.id)?.pause, now);
      const paused = pause ? `. ${pauseWords(pause, desk.localeOf({ cityId: city.id }), now)}` : "";
      const words = `${city.name}: ${plural(working, "driver")} on shift, ${plural(open, "order")} unassigned${paused}`;
      setAttribute(button, "data-paused", Boolean(pause));
      setText(button.count, String(working));
      setText(button.badge, open ? String(open) : "");
      setAttribute(button, "aria-pressed", desk.cityId === city.id ? "true" : "false");
      setAttribute(button, "aria-label", words);
      setAttribute(button, "title", words);
    },
  );
}

/**
 * What to look at first: the city of last time, or the one with the most drivers.
 * @param {Desk} desk
 * @param {string | null} remembered a city's id; "": all of them; null: nothing is remembered
 * @returns {string | null}
 */
export function firstCity(desk, remembered) {
  if (remembered === "") return null;
  if (remembered !== null && desk.cities.has(remembered)) return remembered;
  const onShift = (/** @type {string} */ cityId) =>
    [...desk.fleet.drivers.values()].filter((driver) => driver.onShift && driver.cityId === cityId).length;
  const [busiest] = [...desk.cities.keys()].sort((a, b) => onShift(b) - onShift(a));
  return busiest ?? null;
}
