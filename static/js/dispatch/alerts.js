// @ts-check
// What must not be overlooked: doors that drivers left without a word, orders of drivers whose shift is over, and what
// drivers say late against what people did. State, not news: it stays until it is so no more. What is of all cities
// shows, whatever city is looked at.

import { serverNow, stopwatch } from "../clock.js";
import { byId, fill, fromTemplate, rowFromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { conflictWords } from "./conflict-words.js";
import { drawAlarms } from "./alarms.js";
import { customerWords } from "./order-words.js";
import { plural } from "./words.js";

/** @import { DriverState } from "../../../types/server" */
/** @import { Row } from "../dom.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */
/** @import { QuestionName } from "./questions.js" */

const { title } = document;
/** @type {QuestionName[]} The answers beside each. */
const ANSWERS = ["delivered", "failed"];

/** @param {Desk} desk */
export function drawAlerts(desk) {
  const { fleet } = desk;
  const alerts = fleet.alerts();
  const stranded = fleet.stranded();
  syncList(
    byId("alerts"),
    alerts,
    (order) => order.orderId,
    (order) => alertRow(desk, order),
    (row, order) => drawAlert(desk, row, order),
  );
  syncList(
    byId("stranded"),
    stranded,
    (driver) => driver.driverId,
    (driver) => strandedRow(desk, driver),
    (row, driver) => drawStranded(desk, row, driver),
  );
  const conflicts = [...fleet.conflicts.values()].sort((a, b) => a.toldAt - b.toldAt);
  syncList(
    byId("conflicts"),
    conflicts,
    ({ conflictId }) => conflictId,
    ({ conflictId }) => conflictRow(desk, conflictId),
    (row, conflict) => fill(row, conflictWords(desk, conflict)),
  );
  byId("conflicts-panel").hidden = !conflicts.length;
  setText(byId("conflicts-count"), String(conflicts.length));
  byId("alerts-panel").hidden = !alerts.length;
  byId("stranded-panel").hidden = !stranded.length;
  setText(byId("alerts-count"), String(alerts.length));
  setText(byId("stranded-count"), String(stranded.length));
  const all = alerts.length + stranded.length + conflicts.length + drawAlarms(desk);
  setText(byId("tab-alerts"), all ? String(all) : "");
  document.title = all ? `(${all}) ${title}` : title;
}

/**
 * @param {Desk} desk
 * @param {string} conflictId
 */
function conflictRow(desk, conflictId) {
  const row = fromTemplate("conflict-row");
  row.fields.believe.addEventListener("click", () => desk.settle(conflictId, "driver"));
  row.fields.keep.addEventListener("click", () => desk.settle(conflictId, "stands"));
  return row;
}

/**
 * @param {Desk} desk
 * @param {DriverState} driver
 * @returns {Row}
 */
function strandedRow(desk, { driverId }) {
  const row = rowFromTemplate("stranded-row");
  row.button.dataset.driverId = driverId;
  row.button.addEventListener("click", () => desk.selectDriver(driverId));
  row.fields.handOn.addEventListener("click", () => desk.askWhoTakesOver(driverId));
  return row;
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {DriverState} driver
 */
function drawStranded(desk, row, driver) {
  fill(row, {
    driver: driver.name,
    count: plural(desk.fleet.toHandOn(driver.driverId), "order"),
    city: desk.inCity(driver) ? "" : desk.cityOf(driver)?.name,
  });
  setAttribute(row.button, "aria-pressed", desk.driverId === driver.driverId ? "true" : "false");
}

/**
 * @param {Desk} desk
 * @param {Order} order
 * @returns {Row}
 */
function alertRow(desk, { orderId }) {
  const row = rowFromTemplate("alert-row");
  row.button.dataset.orderId = orderId;
  row.button.addEventListener("click", () => desk.selectOrder(orderId));
  for (const answer of ANSWERS) row.fields[answer].addEventListener("click", () => desk.ask(answer, orderId));
  return row;
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {Order} order
 */
function drawAlert(desk, row, order) {
  fill(row, {
    driver: `${desk.fleet.driverOf(order)?.name ?? "A driver"} left the door`,
    since: stopwatch(serverNow() - (order.leftDropoffAt ?? 0)),
    customer: customerWords(order),
    city: desk.inCity(order) ? "" : desk.cityOf(order)?.name,
  });
  setAttribute(row.button, "aria-pressed", desk.orderId === order.orderId ? "true" : "false");
}
