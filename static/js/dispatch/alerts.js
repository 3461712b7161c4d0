// What must not be overlooked: doors that drivers left without a word. State, not news: an alert stays until it is so
// no more. Those of all cities show, whatever city is looked at.

import { serverNow, stopwatch } from "../clock.js";
import { fill, fromTemplate, setAttribute, setText, syncList } from "../dom.js";

const byId = (id) => document.getElementById(id);
const { title } = document;

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

function alertRow(desk, { orderId }) {
  const row = fromTemplate("alert-row");
  row.button = row.querySelector("button");
  row.button.dataset.orderId = orderId;
  row.button.addEventListener("click", () => desk.selectOrder(orderId));
  for (const outcome of ["delivered", "failed"])
    row.fields[outcome].addEventListener("click", () => desk.ask(outcome, orderId));
  return row;
}

function drawAlert(desk, row, order) {
  const { fleet } = desk;
  fill(row, {
    driver: `${fleet.drivers.get(order.driverId)?.name ?? "A driver"} left the door`,
    since: stopwatch(serverNow() - order.leftDropoffAt),
    customer: [order.customerName, order.customerAddress].filter(Boolean).join(" · "),
    city: desk.inCity(order) ? "" : (desk.cities.get(order.cityId)?.name ?? ""),
  });
  setAttribute(row.button, "aria-pressed", desk.orderId === order.orderId ? "true" : "false");
}
