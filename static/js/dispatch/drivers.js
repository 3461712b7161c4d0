// The right column: the fleet as a list, and the drivers to choose from for an order.

import { clockTime, serverNow, stopwatch } from "../clock.js";
import { el, fill, fromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { distance } from "../road.js";
import { distanceWords, DRIVER_STATUSES, plural } from "./words.js";

const byId = (id) => document.getElementById(id);
const RANK = Object.keys(DRIVER_STATUSES);

export function drawDrivers(desk) {
  const here = [...desk.fleet.drivers.values()].filter(
    (driver) => desk.inCity(driver) && desk.matches(driver.name, driver.phone),
  );
  const shown = desk.statuses.size ? here.filter((driver) => desk.statuses.has(driver.status)) : here;
  const alerted = desk.fleet.alerted();
  const signs = new Map(shown.map((driver) => [driver, signOf(desk, driver, alerted)]));
  shown.sort(
    (a, b) =>
      Boolean(signs.get(b)) - Boolean(signs.get(a)) ||
      RANK.indexOf(a.status) - RANK.indexOf(b.status) ||
      a.name.localeCompare(b.name),
  );
  syncList(
    byId("drivers"),
    shown,
    (driver) => driver.driverId,
    (driver) => driverRow(desk, "driver-row", driver),
    (row, driver) => drawDriver(desk, row, driver, signs.get(driver)),
  );
  setText(byId("drivers-count"), String(shown.length));
  byId("drivers-empty").hidden = shown.length > 0;
  drawFilters(desk, here);
}

function drawFilters(desk, drivers) {
  const create = (status) => {
    const count = el("span", { class: "count" });
    const button = el(
      "button",
      { type: "button", class: "filter" },
      el("span", { class: "mark", "data-status": status }),
      DRIVER_STATUSES[status],
      count,
    );
    button.count = count;
    button.addEventListener("click", () => {
      if (!desk.statuses.delete(status)) desk.statuses.add(status);
      drawDrivers(desk);
    });
    return button;
  };
  const update = (button, status) => {
    setText(button.count, String(drivers.filter((driver) => driver.status === status).length));
    setAttribute(button, "aria-pressed", desk.statuses.has(status) ? "true" : "false");
  };
  syncList(byId("filters"), RANK, (status) => status, create, update);
}

function driverRow(desk, template, driver) {
  const row = fromTemplate(template);
  row.button = row.querySelector("button");
  row.button.dataset.driverId = driver.driverId;
  row.button.addEventListener("click", () => desk.choose(driver.driverId));
  return row;
}

/** What is wrong, for those who see no colours too. */
function signOf(desk, { driverId }, alerted) {
  if (alerted.has(driverId)) return "⚠ left a door";
  return desk.fleet.presence(driverId, serverNow()).troubled ? "⊗ fixes turned away" : "";
}

function drawDriver(desk, row, driver, sign) {
  const { driverId, status } = driver;
  const stops = desk.fleet.stopsOf(driverId);
  const { stale } = desk.fleet.presence(driverId, serverNow());
  setAttribute(row.fields.mark, "data-status", status);
  setAttribute(row.fields.mark, "data-stale", stale);
  setAttribute(row.button, "data-status", status);
  fill(row, {
    name: driver.name,
    load: stops.length ? plural(stops.length, "stop") : statusWords(driver),
    doing: stops.length ? doingWords(desk, driver, stops) : "",
    silence: silenceWords(desk, driver),
    sign,
  });
  setAttribute(row.button, "aria-pressed", desk.driverId === driverId ? "true" : "false");
}

/** "Idle", or the status with the next stop and when: "To restaurant · Sakura Ramen 6:42 PM". */
function doingWords(desk, driver, stops) {
  const [next] = stops;
  const when = next?.eta ? clockTime(next.eta, desk.timeZoneOf(driver)) : "";
  return [statusWords(driver), next?.name, when].filter(Boolean).join(" · ");
}

export function statusWords(driver) {
  return driver.onShift ? DRIVER_STATUSES[driver.status] : "Off shift";
}

/** "no fix for 0:42" where that is long enough to say it. */
export function silenceWords(desk, { driverId, status }) {
  const { silence, stale } = desk.fleet.presence(driverId, serverNow());
  if (silence === null) return status === "offline" ? "" : "no fix yet";
  return stale ? `no fix for ${stopwatch(silence)}` : "";
}

// --------------------------------------------------------------------------------------------- candidates

/**
 * Who can take the order: as the planner ranks them, or nearest to its restaurant first until that is known. A driver
 * whose place is unknown comes last.
 */
export function candidates(desk, order, proposals) {
  const { fleet } = desk;
  const restaurant = fleet.restaurants.get(order.restaurantId);
  const ranked = [...(proposals?.of.values() ?? [])];
  const ranks = new Map(ranked.map(({ driverId }, rank) => [driverId, rank]));
  const rank = ({ driver }) => ranks.get(driver.driverId) ?? Infinity;
  const helpers = new Set(ranked.filter(({ problem }) => !problem).map(({ driverId }) => driverId));
  const invited = ({ driverId, cityId }) =>
    order.cityId === null || cityId === order.cityId || helpers.has(driverId);
  return [...fleet.drivers.values()]
    .filter((driver) => driver.onShift && invited(driver) && driver.driverId !== order.driverId)
    .map((driver) => {
      const position = fleet.positions.get(driver.driverId);
      return { driver, metres: position && restaurant ? distance(position, restaurant) : Infinity };
    })
    .sort(
      (a, b) =>
        compare(rank(a), rank(b)) ||
        compare(a.metres, b.metres) ||
        a.driver.name.localeCompare(b.driver.name),
    );
}

/** Infinity is as much as Infinity. */
const compare = (a, b) => (a === b ? 0 : a - b);

export function drawCandidates(desk, order, found, proposals) {
  const shown = found.filter(({ driver }) => desk.matches(driver.name, driver.phone));
  const update = (row, { driver, metres }) => {
    const stops = desk.fleet.stopsOf(driver.driverId);
    const proposal = proposals?.of.get(driver.driverId);
    const meaning = proposal ? meaningOf(desk, order, proposal) : {};
    setAttribute(row.fields.mark, "data-status", driver.status);
    setAttribute(row.fields.mark, "data-stale", desk.fleet.presence(driver.driverId, serverNow()).stale);
    setAttribute(row.button, "data-problem", Boolean(proposal?.problem));
    fill(row, {
      name: driver.name,
      distance: metres === Infinity ? "" : distanceWords(metres),
      doing: doingWords(desk, driver, stops),
      load: stops.length ? plural(stops.length, "stop") : "free",
      door: meaning.door,
      added: meaning.added,
      harm: meaning.harm,
      silence: silenceWords(desk, driver),
    });
  };
  syncList(
    byId("candidate-rows"),
    shown,
    ({ driver }) => driver.driverId,
    ({ driver }) => driverRow(desk, "candidate-row", driver),
    update,
  );
  byId("candidates-empty").hidden = shown.length > 0;
  setText(byId("candidates-hint"), hintWords(proposals));
}

function hintWords(proposals) {
  if (!proposals) return "nearest first, or on the map";
  return proposals.approximate ? "best first, by straight lines: no roads now" : "best first, or on the map";
}

/** "At the door 6:42 PM", "+7 min" of work, and whom it makes late; or why this driver can't. */
function meaningOf(desk, order, { problem, message, deliveredAt, addedMinutes, lateMinutes, delays }) {
  if (problem) return { door: message };
  const harm = [];
  if (lateMinutes >= 1) harm.push(`${Math.round(lateMinutes)} min late`);
  for (const { orderId, minutes } of delays) {
    if (minutes < 1) continue;
    const name = desk.fleet.order(orderId)?.customerName || "another order";
    harm.push(`${name} ${Math.round(minutes)} min later than promised`);
  }
  return {
    door: deliveredAt ? `At the door ${clockTime(deliveredAt, desk.timeZoneOf(order))}` : "",
    added: `+${Math.max(0, Math.round(addedMinutes))} min work`,
    harm: harm.length ? `⚠ ${harm.join(" · ")}` : "",
  };
}
