// The city buttons: where to look, how many drivers are on shift there, how many orders wait.

import { el, setAttribute, setText, syncList } from "../dom.js";
import { isPending } from "./fleet.js";
import { plural } from "./words.js";

export function drawCities(desk, choose) {
  const everywhere = { id: null, name: "All" };
  const drivers = [...desk.fleet.drivers.values()].filter((driver) => driver.onShift);
  const waiting = desk.fleet.orders().filter(isPending);
  const create = (city) => {
    const [count, badge] = [el("span", { class: "count" }), el("span", { class: "badge" })];
    const button = el(
      "button",
      { type: "button", onclick: () => choose(city.id) },
      el("span", {}, city.name),
      count,
      badge,
    );
    return Object.assign(button, { count, badge });
  };
  const update = (button, city) => {
    const isHere = (thing) => city.id === null || thing.cityId === city.id;
    const [working, open] = [drivers.filter(isHere).length, waiting.filter(isHere).length];
    setText(button.count, String(working));
    setText(button.badge, open ? String(open) : "");
    setAttribute(button, "aria-pressed", desk.cityId === city.id ? "true" : "false");
    setAttribute(
      button,
      "aria-label",
      `${city.name}: ${plural(working, "driver")} on shift, ${plural(open, "order")} unassigned`,
    );
    setAttribute(button, "title", button.getAttribute("aria-label"));
  };
  syncList(
    document.getElementById("cities"),
    [everywhere, ...desk.cities.values()],
    (city) => city.id,
    create,
    update,
  );
}
