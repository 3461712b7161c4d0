// @ts-check
// What must not be overlooked: doors that drivers left without a word. State, not news: an alert stays until it is so
// no more. Those of all cities show, whatever city is looked at.

import { serverNow, stopwatch } from "../clock.js";
import { byId, fill, rowFromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { customerWords } from "./order-words.js";

/** @import { Row } from "../dom.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */
/** @import { QuestionName } from "./questions.js" */

const { title } = document;
/** @type {QuestionName[]} The answers beside each. */
const ANSWERS = ["delivered", "failed"];

/** @param {Desk} desk */
export function drawAlerts(desk) {
  const alerts = desk.fleet.alerts();
  syncList(
    byId("alerts"),
    alerts,
    (order) => order.orderId,
    (order) => alertRow(desk, order),
    (row, order) => drawAlert(desk, row, order),
  );
  byId("alerts-panel").hidden = !alerts.length;
  setText(byId("alerts-count"), String(alerts.length));
  setText(byId("tab-alerts"), alerts.length ? String(alerts.length) : "");
  document.title = alerts.length ? `(${alerts.length}) ${title}` : title;
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
