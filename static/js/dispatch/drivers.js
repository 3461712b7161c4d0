// @ts-check
// The right column: the fleet as a list, and the drivers to choose from for an order.

import { serverNow } from "../clock.js";
import { byId, el, fill, rowFromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { hintWords, meaningOf } from "./candidates.js";
import { doingWords, isOnBreak, signOf, silenceWords, stateWords } from "./driver-words.js";
import { distanceWords, plural } from "./words.js";

/** @import { DriverState, DriverStatus } from "../../../types/server" */
/** @import { Row } from "../dom.js" */
/** @import { Ranked } from "./advice.js" */
/** @import { Candidate } from "./candidates.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */

/**
 * In the order in which they are listed.
 * @param {Desk} desk
 */
const statusesOf = (desk) => /** @type {DriverStatus[]} */ (Object.keys(desk.statuses.drivers));

/** @param {Desk} desk */
export function drawDrivers(desk) {
  const now = serverNow();
  const here = [...desk.fleet.drivers.values()].filter(
    (driver) => desk.inCity(driver) && desk.matches(driver.name, driver.phone),
  );
  const alerted = desk.fleet.alerted();
  const rank = statusesOf(desk);
  const shown = here
    .filter((driver) => !desk.filters.size || desk.filters.has(driver.status))
    .map((driver) => ({ driver, sign: signOf(desk.fleet, driver, alerted, now) }))
    .sort(
      (a, b) =>
        Number(Boolean(b.sign)) - Number(Boolean(a.sign)) ||
        rank.indexOf(a.driver.status) - rank.indexOf(b.driver.status) ||
        a.driver.name.localeCompare(b.driver.name),
    );
  syncList(
    byId("drivers"),
    shown,
    ({ driver }) => driver.driverId,
    ({ driver }) => driverRow(desk, "driver-row", driver),
    (row, { driver, sign }) => drawDriver(desk, row, driver, sign),
  );
  setText(byId("drivers-count"), String(shown.length));
  byId("drivers-empty").hidden = shown.length > 0;
  drawFilters(desk, here);
}

/**
 * @param {Desk} desk
 * @param {DriverState[]} drivers
 */
function drawFilters(desk, drivers) {
  const create = (/** @type {DriverStatus} */ status) => {
    const count = el("span", { class: "count" });
    const mark = el("span", { class: "mark", "data-status": status });
    const toggle = () => {
      if (!desk.filters.delete(status)) desk.filters.add(status);
      drawDrivers(desk);
    };
    const words = desk.statuses.drivers[status];
    const button = el("button", { type: "button", class: "filter", onclick: toggle }, mark, words, count);
    return Object.assign(button, { count });
  };
  syncList(
    byId("filters"),
    statusesOf(desk),
    (status) => status,
    create,
    (button, status) => {
      setText(button.count, String(drivers.filter((driver) => driver.status === status).length));
      setAttribute(button, "aria-pressed", desk.filters.has(status) ? "true" : "false");
    },
  );
}

/**
 * @param {Desk} desk
 * @param {string} template
 * @param {DriverState} driver
 * @returns {Row}
 */
function driverRow(desk, template, { driverId }) {
  const row = rowFromTemplate(template);
  row.button.dataset.driverId = driverId;
  row.button.addEventListener("click", () => desk.choose(driverId));
  return row;
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {DriverState} driver
 * @param {string} sign
 */
function drawDriver(desk, row, driver, sign) {
  const { driverId, status } = driver;
  const now = serverNow();
  const stops = desk.fleet.stopsOf(driverId);
  setAttribute(row.fields.mark, "data-status", status);
  setAttribute(row.fields.mark, "data-stale", desk.fleet.presence(driverId, now).stale);
  setAttribute(row.button, "data-status", status);
  fill(row, {
    name: driver.name,
    load: stops.length ? plural(stops.length, "stop") : stateWords(desk, driver, now),
    doing: stops.length ? doingWords(desk, driver, stops[0], now) : "",
    silence: silenceWords(desk.fleet, driver, now),
    sign,
  });
  setAttribute(row.button, "aria-pressed", desk.driverId === driverId ? "true" : "false");
}

/**
 * @param {Desk} desk
 * @param {Order} order
 * @param {Candidate[]} found
 * @param {Ranked | null} proposals
 */
export function drawCandidates(desk, order, found, proposals) {
  const shown = found.filter(({ driver }) => desk.matches(driver.name, driver.phone));
  syncList(
    byId("candidate-rows"),
    shown,
    ({ driver }) => driver.driverId,
    ({ driver }) => driverRow(desk, "candidate-row", driver),
    (row, candidate) => drawCandidate(desk, order, row, candidate, proposals),
  );
  byId("candidates-empty").hidden = shown.length > 0;
  setText(byId("candidates-hint"), hintWords(proposals));
}

/**
 * @param {Desk} desk
 * @param {Order} order
 * @param {Row} row
 * @param {Candidate} candidate
 * @param {Ranked | null} proposals
 */
function drawCandidate(desk, order, row, { driver, metres }, proposals) {
  const now = serverNow();
  const stops = desk.fleet.stopsOf(driver.driverId);
  const proposal = proposals?.of.get(driver.driverId);
  setAttribute(row.fields.mark, "data-status", driver.status);
  setAttribute(row.fields.mark, "data-stale", desk.fleet.presence(driver.driverId, now).stale);
  setAttribute(row.button, "data-problem", proposal !== undefined && "problem" in proposal);
  fill(row, {
    name: driver.name,
    distance: metres === Infinity ? "" : distanceWords(metres, desk.localeOf(order)),
    doing: doingWords(desk, driver, stops[0], now),
    load: stops.length ? plural(stops.length, "stop") : isOnBreak(driver, now) ? "" : "free",
    ...meaningOf(desk, order, proposal),
    silence: silenceWords(desk.fleet, driver, now),
  });
}
