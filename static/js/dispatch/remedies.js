// @ts-check
// What would help an order that will be late, each with one click.

import { serverNow } from "../clock.js";
import { byId, fill, find, fromTemplate, setText, syncList } from "../dom.js";
import { noRemedyWords } from "./words.js";

/** @import { Remedy } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */

/**
 * @param {Desk} desk
 * @param {Order} order
 */
export function drawRemedies(desk, order) {
  const late = !order.claimed && order.driverId && desk.fleet.lateness(order, serverNow()).level;
  byId("remedies").hidden = !late;
  if (!late) return;
  const advice = desk.remedies.for(order.orderId, performance.now());
  const rows = advice?.remedies ?? [];
  syncList(
    byId("remedy-rows"),
    rows,
    ({ kind, moves, driverId }) => `${kind} ${moves} ${driverId}`,
    (remedy) => remedyRow(desk, order, remedy),
    (row, remedy) => fill(row, remedyWords(desk, remedy)),
  );
  setText(byId("remedies-empty"), noRemedyWords(advice));
  byId("remedies-empty").hidden = rows.length > 0;
}

/**
 * @param {Desk} desk
 * @param {Order} order
 * @param {Remedy} remedy
 */
function remedyRow(desk, order, remedy) {
  const row = fromTemplate("remedy-row");
  find(row, "button").addEventListener("click", () => {
    desk.remedies.forget();
    if (remedy.kind === "first") desk.serveFirst(order.orderId);
    else desk.assign(remedy.moves, remedy.driverId);
  });
  return row;
}

/**
 * @param {Desk} desk
 * @param {Remedy} remedy
 */
function remedyWords(desk, { kind, moves, driverId, savedMinutes, reliefMinutes }) {
  const driver = desk.fleet.drivers.get(driverId)?.name ?? "another driver";
  const other = desk.fleet.order(moves)?.customerName || "another order";
  const what = {
    reassign: `Give it to ${driver}`,
    relieve: `Give ${other}’s order to ${driver}`,
    first: `${driver} delivers it first`,
  };
  return {
    what: what[kind],
    saved: `−${Math.round(savedMinutes)} min`,
    relief: `All orders together ${Math.round(reliefMinutes)} min less late`,
  };
}
