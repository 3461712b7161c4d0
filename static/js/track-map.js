// The map of one delivery: restaurant, home, the driver who glides, and the road ahead of the driver.

import { el, icon, setText } from "./dom.js";
import { Glide, prefersStill } from "./glide.js";
import { createMap, Hands } from "./map.js";
import { ahead, lineOf } from "./road.js";

const { L } = window;
const IN_THE_BAG = ["picked_up", "driver_nearby"];

export class DeliveryMap {
  #map;
  #hands;
  #page;
  #marker = null;
  #glide = null;
  #line = [];
  #route;
  #status = null;
  #drawing = false;

  constructor(element, recenter, page) {
    this.#page = page;
    this.#map = createMap(element, page.map, L.latLngBounds(this.#points()), padding());
    pin(page.restaurant, "restaurant", "fork", page.restaurant.name).addTo(this.#map);
    if (page.home) pin(page.home, "home", "home", "Your door").addTo(this.#map);
    this.#route = ["casing", "core"].map((part) =>
      L.polyline([], {
        pane: "route",
        interactive: false,
        lineCap: "round",
        lineJoin: "round",
        ...ROUTE[part],
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

  /** `driver`: the latest position frame, or null when the driver is not to be seen. `route`: GeoJSON or null. */
  show({ status, driver, route }) {
    this.#line = lineOf(route);
    if (!driver) this.#hideDriver();
    else this.#moveDriver(driver);
    this.#draw();
    if (status !== this.#status) {
      this.#status = status;
      if (!this.#hands.moved) this.#fit(false);
    }
  }

  /** `words` beside a driver who may be elsewhere by now; "" for one who is there. */
  setStale(words) {
    const element = this.#marker?.getElement();
    if (!element) return;
    element.classList.toggle("stale", Boolean(words));
    setText(element.querySelector(".seen"), words);
  }

  #moveDriver(driver) {
    if (!this.#marker) {
      this.#glide = new Glide({ still: prefersStill() });
      this.#glide.to(driver, performance.now());
      this.#glide.fix = driver;
      this.#marker = driverMarker(driver).addTo(this.#map);
      this.#turn(driver.heading ?? null);
      this.#fit(false);
    } else if (driver !== this.#glide.fix) {
      this.#glide.to(driver, performance.now());
      this.#glide.fix = driver;
    }
    if (!this.#drawing) this.#animate();
  }

  #hideDriver() {
    this.#marker?.remove();
    this.#marker = this.#glide = null;
  }

  #animate = () => {
    this.#drawing = false;
    if (!this.#glide) return;
    const now = performance.now();
    const at = this.#glide.at(now);
    this.#marker.setLatLng(at);
    this.#turn(at.heading);
    this.#draw();
    if (this.#glide.moving(now)) {
      this.#drawing = true;
      requestAnimationFrame(this.#animate);
    } else {
      this.#keepInView();
    }
  };

  #turn(heading) {
    const element = this.#marker.getElement();
    element.classList.toggle("headed", heading !== null);
    if (heading !== null) element.style.setProperty("--heading", `${heading}deg`);
  }

  #draw() {
    const at = this.#marker?.getLatLng();
    const line = at ? ahead(this.#line, at) : this.#line;
    for (const part of this.#route) part.setLatLngs(line);
  }

  /** What matters now: once the food is in the bag, the restaurant does not any more. */
  #points() {
    const points = [];
    if (this.#marker) points.push(this.#marker.getLatLng());
    if (this.#page.home) points.push(this.#page.home);
    if (!IN_THE_BAG.includes(this.#status) || !this.#marker) points.push(this.#page.restaurant);
    return points;
  }

  #keepInView() {
    if (this.#hands.moved) return;
    const { paddingTopLeft, paddingBottomRight } = padding(12);
    const seen = L.bounds(paddingTopLeft, this.#map.getSize().subtract(paddingBottomRight));
    if (!this.#points().every((point) => seen.contains(this.#map.latLngToContainerPoint(point))))
      this.#fit(true);
  }

  #fit(animate) {
    this.#map.fitBounds(L.latLngBounds(this.#points()), {
      ...padding(),
      maxZoom: 17,
      animate: animate && !prefersStill(),
    });
  }
}

const ROUTE = {
  casing: { color: "#ffffff", weight: 9, opacity: 0.95 },
  core: { color: "#1d62e0", weight: 5, opacity: 1 },
};

/** The part of the map that is free to see: on a wide screen the sheet lies over its left side. */
function padding(around = 56) {
  const wide = matchMedia("(min-width: 48rem)").matches;
  const sheet = document.getElementById("sheet").getBoundingClientRect();
  return {
    paddingTopLeft: L.point(wide ? sheet.right + around : around, wide ? around : around + 32),
    paddingBottomRight: L.point(around, wide ? around : around + 12),
  };
}

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
