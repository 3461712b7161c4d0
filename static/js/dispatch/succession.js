// @ts-check
// The dialog before all that a driver has goes to others: who would take what, when it is at the door then, and whom
// it makes late. What is shown is what is done.

import { byId, el, fill, fromTemplate, setText, syncList } from "../dom.js";
import { endShiftWords, hintWords, heirWords, takers } from "./heirs.js";
import { plural } from "./words.js";

/** @import { Succession } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */

/**
 * Returns what asks about a driver (by id).
 * @param {Desk} desk
 * @returns {Desk["askWhoTakesOver"]}
 */
export function successionDialog(desk) {
  const dialog = byId("succession-dialog", HTMLDialogElement);
  const choice = byId("succession-to", HTMLSelectElement);
  const submit = byId("succession-submit", HTMLButtonElement);
  const endShift = byId("end-shift", HTMLInputElement);
  /** @type {string | null} */
  let driverId = null;
  /** @type {Succession | null} */
  let shown = null;
  let asked = 0;

  const moves = () =>
    (shown?.heirs ?? []).flatMap((heir) =>
      "problem" in heir ? [] : [{ order: heir.orderId, driver: heir.driverId }],
    );

  function draw() {
    syncList(
      byId("heirs"),
      shown?.heirs ?? [],
      ({ orderId }) => orderId,
      () => fromTemplate("heir-row"),
      (row, heir) => fill(row, heirWords(desk, heir)),
    );
    const count = moves().length;
    setText(byId("succession-hint"), hintWords(desk, shown));
    setText(submit, count ? `Hand on ${plural(count, "order")}` : "Hand on");
    submit.disabled = !count;
  }

  async function preview() {
    if (driverId === null) return;
    const mine = ++asked;
    shown = null;
    draw();
    const found = await desk.succession(driverId, choice.value || null);
    if (mine !== asked) return; // another driver was chosen meanwhile
    if (!found) return dialog.close();
    shown = found;
    draw();
  }

  choice.addEventListener("change", preview);
  byId("succession-keep").addEventListener("click", () => dialog.close());
  byId("succession-form").addEventListener("submit", () => {
    if (driverId !== null) desk.handOn(driverId, moves(), endShift.checked);
  });
  return (id) => {
    const driver = desk.fleet.drivers.get(id);
    if (!driver) return;
    driverId = id;
    setText(byId("succession-title"), `Hand on ${driver.name}’s orders?`);
    setText(byId("succession-words"), "Others take them over; food on board is fetched from where the driver is.");
    setText(byId("end-shift-words"), endShiftWords(driver));
    byId("end-shift-row").hidden = !driver.onShift;
    endShift.checked = driver.onShift;
    choice.replaceChildren(
      el("option", { value: "" }, "Several drivers, as the planner shares them out"),
      ...takers(desk, driver).map((taker) => el("option", { value: taker.driverId }, `All to ${taker.name}`)),
    );
    dialog.showModal();
    preview();
  };
}
