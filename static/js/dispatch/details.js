// The right column when something is selected: a driver with the stops in visiting order, or an order.

import { age, clockTime, serverNow, stopwatch } from "../clock.js";
import { fill, fromTemplate, setAttribute, setText, syncList, withFields } from "../dom.js";
import { candidates, drawCandidates, silenceWords, statusWords } from "./drivers.js";
import { isBeforePickup, isInTheBag, isPending } from "./fleet.js";
import { drawOrdersOf, etaWords, lateWords, pickupWords } from "./orders.js";
import { drawRemedies } from "./remedies.js";
import { ORDER_STATUSES, savingWords, speedWords, troubleWords } from "./words.js";

const byId = (id) => document.getElementById(id);
const driverPanel = withFields(byId("driver-panel"));
const orderPanel = withFields(byId("order-panel"));

/** Draws whichever is selected. Returns the candidates for the order at hand, or null. */
export function drawDetails(desk) {
  const { driver, order, assigning } = desk;
  byId("drivers-panel").hidden = Boolean(driver || order);
  driverPanel.hidden = !driver;
  orderPanel.hidden = !order;
  if (driver) drawDriverPanel(desk, driver);
  if (order) drawOrderPanel(desk, order);
  const proposals = assigning && desk.proposals.for(assigning.orderId, performance.now());
  const found = assigning ? candidates(desk, assigning, proposals) : null;
  byId("candidates").hidden = !found;
  if (found) drawCandidates(desk, assigning, found, proposals);
  return found;
}

function drawPhone(field, phone) {
  field.hidden = !phone;
  if (phone) setAttribute(field, "href", `tel:${phone.replace(/[^+\d]/g, "")}`);
}

function drawDriverPanel(desk, driver) {
  const { fleet } = desk;
  const position = fleet.positions.get(driver.driverId);
  const stops = fleet.stopsOf(driver.driverId);
  const zone = desk.timeZoneOf(driver);
  const silence = silenceWords(desk, driver);
  const { stale, troubled } = fleet.presence(driver.driverId, serverNow());
  const trouble = fleet.troubles.get(driver.driverId);
  setAttribute(driverPanel.fields.mark, "data-status", driver.status);
  setAttribute(driverPanel.fields.mark, "data-stale", stale);
  setAttribute(driverPanel.fields.trouble, "data-grave", troubled);
  drawPhone(driverPanel.fields.phone, driver.phone);
  const orders = drawOrdersOf(desk, byId("driver-orders"), driver.driverId);
  fill(driverPanel, {
    name: driver.name,
    status: statusWords(driver),
    silence: stale && `${silence[0].toUpperCase()}${silence.slice(1)}: the place on the map may be old.`,
    trouble: trouble && troubleWords(trouble, (moment) => clockTime(moment, zone)),
    city: desk.cities.get(driver.cityId)?.name ?? "None",
    speed: position?.speed === undefined || stale ? "–" : speedWords(position.speed),
    fix: position ? `${age(serverNow() - position.ts)} ago` : "none yet",
    number: driver.phone || "–",
    stopCount: String(stops.length),
    orderCount: String(orders),
  });
  byId("stops-empty").hidden = stops.length > 0;
  drawSaving(desk, driver.driverId);
  const update = (row, [stop, n]) => {
    setAttribute(row, "data-kind", stop.kind);
    setAttribute(row, "data-left", Boolean(stop.leftAt));
    fill(row, {
      number: String(n + 1),
      name: stop.name || (stop.kind === "pickup" ? "Restaurant" : "Customer"),
      eta: stop.leftAt
        ? "left"
        : stop.arrivedAt
          ? "here"
          : stop.eta
            ? `${Math.max(0, Math.ceil((stop.eta - serverNow()) / 60_000))} min`
            : "",
      kind: [stop.kind === "pickup" ? "Pick up" : "Drop off", stop.pinned && "pinned", stop.address]
        .filter(Boolean)
        .join(" · "),
      clock: clockTime(stop.leftAt ?? stop.arrivedAt ?? stop.eta ?? serverNow(), zone),
    });
    row.fields.clock.hidden = !stop.arrivedAt && !stop.eta;
    const before = stops[n - 1];
    row.fields.earlier.hidden = !before || Boolean(stop.leftAt || before.leftAt || before.arrivedAt);
  };
  syncList(
    byId("stops"),
    stops.map((stop, n) => [stop, n]),
    ([stop]) => stop.stopId,
    ([stop]) => stopRow(desk, driver.driverId, stop.stopId),
    update,
  );
}

function stopRow(desk, driverId, stopId) {
  const row = fromTemplate("stop-row");
  row.fields.earlier.addEventListener("click", () => {
    const stops = desk.fleet.stopsAhead(driverId).map((stop) => ({ ...stop, pinned: true }));
    const at = stops.findIndex((stop) => stop.stopId === stopId);
    stops.splice(at - 1, 0, ...stops.splice(at, 1));
    desk.rearrange(driverId, stops, "The stops stay in this order.");
  });
  return row;
}

/** What the planner's order of the stops would save, where a dispatcher has put them in another one. */
function drawSaving(desk, driverId) {
  const ahead = new Map(desk.fleet.stopsAhead(driverId).map((stop) => [stop.stopId, stop]));
  const saving = ahead.size > 1 ? desk.savings.for(driverId, performance.now())?.saving : null;
  // What was said of stops that are no longer these is old.
  const shown = Boolean(saving) && saving.stops.every((id) => ahead.has(id));
  byId("saving").hidden = !shown;
  if (!shown) return;
  setText(byId("saving-words"), savingWords(saving));
  const best = saving.stops.map((id) => ({ ...ahead.get(id), pinned: false }));
  byId("apply-saving").onclick = () => desk.rearrange(driverId, best, "The stops are in the planner’s order.");
}

function drawOrderPanel(desk, order) {
  const { fleet } = desk;
  const restaurant = fleet.restaurants.get(order.restaurantId);
  const driver = fleet.drivers.get(order.driverId);
  const zone = desk.timeZoneOf(order);
  const eta = etaWords(order);
  drawPhone(orderPanel.fields.phone, order.customerPhone);
  fill(orderPanel, {
    title: order.customerName || "Order",
    status: order.claimed ? "Saving…" : ORDER_STATUSES[order.status],
    eta: eta && `${eta} to the door`,
    restaurant: restaurant?.name ?? "…",
    restaurantAddress: restaurant?.address ?? "",
    customer: order.customerName || "No name",
    address: order.customerAddress,
    driver: driver?.name ?? "",
    noDriver: driver ? "" : "None yet",
    created: `${clockTime(order.createdAt, zone)}, ${stopwatch(serverNow() - order.createdAt)} ago`,
    promised: clockTime(order.promisedAt, zone),
    late: order.claimed ? "" : lateWords(desk, order),
    ready: order.readyAt ? clockTime(order.readyAt, zone) : "",
    auto: pickupWords(order),
    problem: order.claimed ? "" : order.problemText,
  });
  setAttribute(orderPanel.fields.status, "data-status", order.status);
  setAttribute(orderPanel, "data-late", fleet.lateness(order, serverNow()).level);
  orderPanel.fields.readyRow.hidden = !order.readyAt;
  const before = isBeforePickup(order) && !order.claimed;
  byId("reassign").hidden = !before || desk.reassigning;
  byId("unassign").hidden = !before;
  // At a door that was left, the question itself has the answers beside it.
  byId("handover").hidden = !isInTheBag(order) || Boolean(order.leftDropoffAt);
  byId("cancel").disabled = Boolean(order.claimed);
  byId("automatic").hidden = !fleet.canUndoPickup(order, serverNow());
  const own = fleet.stopsOf(order.driverId).filter((stop) => stop.orderId === order.orderId);
  byId("pinned").hidden = !own.some((stop) => stop.pinned);
  drawRemedies(desk, order);
  drawLeftDoor(order, driver, zone);
  setAttribute(orderPanel, "data-pending", isPending(order));
}

function drawLeftDoor(order, driver, zone) {
  byId("left-door").hidden = !order.leftDropoffAt;
  if (!order.leftDropoffAt) return;
  const since = stopwatch(serverNow() - order.leftDropoffAt);
  const name = driver?.name ?? "The driver";
  const { left, callDriver } = orderPanel.fields;
  setText(
    left,
    `${name} left the door at ${clockTime(order.leftDropoffAt, zone)}, ${since} ago, and pressed nothing. Was it delivered?`,
  );
  drawPhone(callDriver, driver?.phone);
  setText(callDriver, `Call ${name}`);
}
