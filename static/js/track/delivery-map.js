// @ts-check
// The map of one delivery: restaurant, home, the driver who glides, and the road ahead of the driver.

import { byId, el, find, icon, setText } from "../dom.js";
import { Glide } from "../glide.js";
import { createMap, Hands } from "../map.js";
import { prefersStill } from "../motion.js";
import { ahead, lineOf } from "../road.js";

/** @import { Marker } from "leaflet" */
/** @import { DriverPosition, LatLng, LineString, OrderStatus, TrackPage } from "../../../types/server" */
/** @typedef {{ marker: Marker, glide: Glide, fix: DriverPosition }} Driver `fix`: the latest that is shown */

const { L } = window;

export class DeliveryMap {
  #map;
  #hands;
  #page;
  /** @type {Driver | null} */
  #driver = null;
  /** @type {import("../road.js").Line} */
  #line = [];
  #route;
  /** @type {OrderStatus | null} */
  #status = null;
  #drawing = false;

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} recenter the button that takes back that a person has moved the map
   * @param {TrackPage} page
   */
  constructor(element, recenter, page) {
    this.#page = page;
    this.#map = createMap(element, page.map, this.#bounds(), padding());
    if (page.restaurant) pin(page.restaurant, "restaurant", "fork", page.restaurant.name).addTo(this.#map);
    if (page.home) pin(page.home, "home", "home", "Your door").addTo(this.#map);
    this.#route = ROUTE.map((style) =>
      L.polyline([], {
        pane: "route",
        interactive: false,
        lineCap: "round",
        lineJoin: "round",
        ...style,
      }).addTo(this.#map),
    );
    this.#hands = new Hands(this.#map);
    this.#hands.onchange = () => {
      recenter.hidden = !this.#hands.moved;
    };
    recenter.addEventListener("click", () => {
      this.#hands.reset();
      this.#fit(true);
    });
    this.#map.on("resize", () => this.#keepInView());
  }

  /**
   * What is known now; without a `driver` nobody is to be seen.
   * @param {{ status: OrderStatus, driver: DriverPosition | null, route: LineString | null }} delivery
   */
  show({ status, driver, route }) {
    this.#line = lineOf(route);
    if (!driver) this.#hideDriver();
    else if (!this.#driver) this.#placeDriver(driver);
    else this.#moveDriver(this.#driver, driver);
    this.#draw();
    if (status !== this.#status) {
      this.#status = status;
      if (!this.#hands.moved) this.#fit(false);
    }
  }

  /**
   * @param {string} words beside a driver who may be elsewhere by now; "" for one who is there
   */
  setStale(words) {
    const element = this.#driver?.marker.getElement();
    if (!element) return;
    element.classList.toggle("stale", Boolean(words));
    setText(find(element, ".seen"), words);
  }

  /** @param {DriverPosition} fix */
  #placeDriver(fix) {
    const glide = new Glide({ still: prefersStill() });
    glide.to(fix, performance.now());
    this.#driver = { marker: driverMarker(fix).addTo(this.#map), glide, fix };
    turn(this.#driver.marker, fix.heading ?? null);
    this.#fit(false);
    if (!this.#drawing) this.#animate();
  }

  /**
   * @param {Driver} driver
   * @param {DriverPosition} fix
   */
  #moveDriver(driver, fix) {
    if (fix !== driver.fix) {
      driver.glide.to(fix, performance.now());
      driver.fix = fix;
    }
    if (!this.#drawing) this.#animate();
  }

  #hideDriver() {
    this.#driver?.marker.remove();
    this.#driver = null;
  }

  #animate = () => {
    this.#drawing = false;
    if (!this.#driver) return;
    const { marker, glide } = this.#driver;
    const now = performance.now();
    const at = glide.at(now);
    if (!at) return;
    marker.setLatLng(at);
    turn(marker, at.heading);
    this.#draw();
    if (glide.moving(now)) {
      this.#drawing = true;
      requestAnimationFrame(this.#animate);
    } else {
      this.#keepInView();
    }
  };

  #draw() {
    const at = this.#driver?.marker.getLatLng();
    const line = at ? ahead(this.#line, at) : this.#line;
    for (const part of this.#route) part.setLatLngs(line);
  }

  /** What matters now: once the food is in the bag, the restaurant does not any more. */
  #points() {
    const { home, restaurant, inTheBag } = this.#page;
    const driver = this.#driver?.marker.getLatLng();
    const isInTheBag = this.#status !== null && inTheBag.includes(this.#status);
    const points = [driver, home, isInTheBag && driver ? null : restaurant];
    return points.flatMap((point) => (point ? [L.latLng(point.lat, point.lng)] : []));
  }

  /** As long as nobody knows of any place: everywhere. */
  #bounds() {
    const points = this.#points();
    return points.length ? L.latLngBounds(points) : EVERYWHERE;
  }

  #keepInView() {
    if (this.#hands.moved) return;
    const { paddingTopLeft, paddingBottomRight } = padding(12);
    const seen = L.bounds(paddingTopLeft, this.#map.getSize().subtract(paddingBottomRight));
    if (!this.#points().every((point) => seen.contains(this.#map.latLngToContainerPoint(point))))
      this.#fit(true);
  }

  /** @param {boolean} animate */
  #fit(animate) {
    this.#map.fitBounds(this.#bounds(), {
      ...padding(),
      maxZoom: 17,
      animate: animate && !prefersStill(),
    });
  }
}

const EVERYWHERE = L.latLngBounds([-60, -170], [75, 170]);

/** From below: the casing, the line. */
const ROUTE = [
  { color: "#ffffff", weight: 9, opacity: 0.95 },
  { color: "#1d62e0", weight: 5, opacity: 1 },
];

/** The part of the map that is free to see: on a wide screen the sheet lies over its left side. */
function padding(around = 56) {
  const wide = matchMedia("(min-width: 48rem)").matches;
  const sheet = byId("sheet").getBoundingClientRect();
  return {
    paddingTopLeft: L.point(wide ? sheet.right + around : around, wide ? around : around + 32),
    paddingBottomRight: L.point(around, wide ? around : around + 12),
  };
}

/**
 * @param {Marker} marker
 * @param {number | null} heading degrees, null where it is unknown
 */
function turn(marker, heading) {
  const element = marker.getElement();
  element?.classList.toggle("headed", heading !== null);
  if (heading !== null) element?.style.setProperty("--heading", `${heading}deg`);
}

/**
 * @param {LatLng} point
 * @param {string} kind
 * @param {string} glyph
 * @param {string} title
 */
function pin(point, kind, glyph, title) {
  const body = el("span", { class: `pin ${kind}` }, icon(glyph));
  return L.marker(point, {
    icon: L.divIcon({ className: "pin-marker", html: body, iconSize: [36, 44], iconAnchor: [18, 44] }),
    title,
    alt: title,
    interactive: false,
    keyboard: false,
  });
}

/** @param {DriverPosition} driver */
function driverMarker(driver) {
  const body = el(
    "span",
    { class: "driver" },
    el("span", { class: "heading" }),
    el("span", { class: "disc" }, icon("scooter")),
    el("span", { class: "seen" }),
  );
  return L.marker(driver, {
    icon: L.divIcon({ className: "driver-marker", html: body, iconSize: [48, 48], iconAnchor: [24, 24] }),
    title: "Your driver",
    alt: "Your driver",
    interactive: false,
    keyboard: false,
    zIndexOffset: 1000,
  });
}
