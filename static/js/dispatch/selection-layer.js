// What is selected, on the map: a driver's road through the numbered stops, or an order's restaurant and door.

import { el, icon } from "../dom.js";
import { ahead, lineOf } from "../road.js";

const { L } = window;

export class SelectionLayer {
  #map;
  #route;
  #fence;
  #markers = L.layerGroup();
  #drawn = "";

  constructor(map) {
    this.#map = map;
    const renderer = L.canvas({ pane: "route", padding: 0.3 });
    const line = (options) =>
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

  /** Draws the road and stops of `driver` (of the selected order, or selected), and the order's own places. */
  draw(desk) {
    const { fleet, order } = desk;
    const driver = desk.driver ?? fleet.drivers.get(order?.driverId);
    const plan = driver ? fleet.plans.get(driver.driverId) : null;
    const restaurant = order ? fleet.restaurants.get(order.restaurantId) : null;
    this.#drawRoute(plan, driver ? fleet.positions.get(driver.driverId) : null);
    this.#drawFence(restaurant);
    const places = order ? this.#placesOf(order) : this.#placesOn(plan);
    const drawn = JSON.stringify(places);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#markers.clearLayers();
    for (const place of places) marker(place).addTo(this.#markers);
  }

  #drawRoute(plan, position) {
    const line = lineOf(plan?.geometry);
    for (const part of this.#route) {
      part.setLatLngs(position ? ahead(line, position) : line);
      if (line.length) part.addTo(this.#map);
      else part.remove();
    }
  }

  #drawFence(restaurant) {
    if (!restaurant) {
      this.#fence.remove();
      return;
    }
    this.#fence.setLatLng(restaurant).setRadius(restaurant.geofenceRadius).addTo(this.#map);
  }

  #placesOf(order) {
    return order.lat === null
      ? []
      : [{ lat: order.lat, lng: order.lng, kind: "dropoff", label: null, title: order.customerName }];
  }

  #placesOn(plan) {
    return (plan?.stops ?? [])
      .map(({ lat, lng, kind, name }, n) => ({ lat, lng, kind, label: String(n + 1), title: name }))
      .filter((stop) => stop.lat !== null);
  }
}

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
