// @ts-check
// What is selected, on the map: a driver's road through the numbered stops, or an order's restaurant and door.

import { el, icon } from "../dom.js";
import { ahead, lineOf } from "../road.js";

/** @import { Map as LeafletMap, PolylineOptions } from "leaflet" */
/** @import { FleetPosition, Plan, RestaurantState } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */
/** @typedef {{ lat: number, lng: number, kind: string, label: string | null, title: string }} Place */

const { L } = window;

export class SelectionLayer {
  #map;
  #route;
  #fence;
  #markers = L.layerGroup();
  #drawn = "";

  /** @param {LeafletMap} map */
  constructor(map) {
    this.#map = map;
    const renderer = L.canvas({ pane: "route", padding: 0.3 });
    const line = (/** @type {PolylineOptions} */ options) =>
      L.polyline([], {
        renderer,
        pane: "route",
        interactive: false,
        lineCap: "round",
        lineJoin: "round",
        ...options,
      });
    this.#fence = L.circle([0, 0], {
      renderer,
      pane: "route",
      interactive: false,
      radius: 0,
      color: "#d6322b",
      weight: 1.5,
      dashArray: "4 5",
      fillOpacity: 0.07,
    });
    this.#route = [line({ color: "#ffffff", weight: 8 }), line({ color: "#1d62e0", weight: 4.5 })];
    this.#markers.addTo(map);
  }

  /**
   * Draws the road and stops of the driver (of the selected order, or selected), and the order's own places.
   * @param {Desk} desk
   */
  draw(desk) {
    const { fleet, order } = desk;
    const driver = desk.driver ?? fleet.driverOf(order);
    const plan = driver && fleet.plans.get(driver.driverId);
    this.#drawRoute(plan, driver && fleet.positions.get(driver.driverId));
    this.#drawFence(fleet.restaurantOf(order));
    const places = order ? placesOf(order) : placesOn(plan);
    const drawn = JSON.stringify(places);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#markers.clearLayers();
    for (const place of places) marker(place).addTo(this.#markers);
  }

  /**
   * @param {Plan | undefined} plan
   * @param {FleetPosition | undefined} position
   */
  #drawRoute(plan, position) {
    const line = lineOf(plan?.geometry);
    for (const part of this.#route) {
      part.setLatLngs(position ? ahead(line, position) : line);
      if (line.length) part.addTo(this.#map);
      else part.remove();
    }
  }

  /** @param {RestaurantState | undefined} restaurant */
  #drawFence(restaurant) {
    if (!restaurant) {
      this.#fence.remove();
      return;
    }
    this.#fence.setLatLng(restaurant).setRadius(restaurant.geofenceRadius).addTo(this.#map);
  }
}

/**
 * @param {Order} order
 * @returns {Place[]}
 */
function placesOf({ lat, lng, customerName }) {
  if (lat === null || lng === null) return [];
  return [{ lat, lng, kind: "dropoff", label: null, title: customerName }];
}

/**
 * @param {Plan | undefined} plan
 * @returns {Place[]}
 */
function placesOn(plan) {
  return (plan?.stops ?? []).flatMap(({ lat, lng, kind, name }, n) =>
    lat === null || lng === null ? [] : [{ lat, lng, kind, label: String(n + 1), title: name }],
  );
}

/** @param {Place} place */
function marker({ lat, lng, kind, label, title }) {
  const body = el("span", { class: `stop-pin ${kind}` }, label ?? icon("home"));
  return L.marker([lat, lng], {
    icon: L.divIcon({ className: "stop-marker", html: body, iconSize: [26, 26], iconAnchor: [13, 13] }),
    title,
    alt: title,
    interactive: false,
    keyboard: false,
  });
}
