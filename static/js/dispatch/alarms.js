// @ts-check
// What the server says a dispatcher should look at: a list, a sound as one comes, and the button that mutes it. State,
// not news: each stays until it is so no more, or somebody has seen to it.

import { serverNow } from "../clock.js";
import { byId, fill, find, rowFromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { alarmWords, News } from "./alarm-words.js";

/** @import { AlertState } from "../../../types/server" */
/** @import { Row } from "../dom.js" */
/** @import { Beeper, SoundState } from "./beeper.js" */
/** @import { Desk } from "./desk.js" */

/** @type {Record<SoundState, { words: string, title: string, icon: string }>} */
const SOUND = {
  waiting: {
    words: "Click for sound",
    title: "Browsers allow no sound before the first click or key on a page",
    icon: "bell-off",
  },
  on: { words: "Sound on", title: "A sound tells of new alerts; click to mute it", icon: "bell" },
  muted: { words: "Muted", title: "New alerts make no sound; click to hear them", icon: "bell-off" },
};

const news = new News();

/**
 * Returns how many they are.
 * @param {Desk} desk
 */
export function drawAlarms(desk) {
  const alarms = desk.fleet.unseen();
  syncList(
    byId("alarms"),
    alarms,
    (alarm) => alarm.alertId,
    (alarm) => alarmRow(desk, alarm),
    (row, alarm) => drawAlarm(desk, row, alarm),
  );
  byId("alarms-panel").hidden = !alarms.length;
  setText(byId("alarms-count"), String(alarms.length));
  return alarms.length;
}

/**
 * @param {Desk} desk
 * @param {AlertState} alarm
 * @returns {Row}
 */
function alarmRow(desk, { alertId, kind, driverId, orderId }) {
  const row = rowFromTemplate("alarm-row");
  row.dataset.kind = kind;
  row.button.addEventListener("click", () => {
    // Who has not set out can still be spared the order.
    if (driverId && kind !== "not_set_out") desk.selectDriver(driverId);
    else if (orderId) desk.selectOrder(orderId);
  });
  row.fields.see.addEventListener("click", () => desk.see(alertId));
  return row;
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {AlertState} alarm
 */
function drawAlarm(desk, row, alarm) {
  const city = desk.inCity(alarm) ? "" : desk.cityOf(alarm)?.name;
  fill(row, { ...alarmWords(desk, alarm, serverNow()), city });
  const selected = alarm.driverId ? desk.driverId === alarm.driverId : desk.orderId === alarm.orderId;
  setAttribute(row.button, "aria-pressed", selected ? "true" : "false");
}

/**
 * Tells of those that are new, by a sound and to screen readers.
 * @param {Desk} desk
 * @param {Beeper} beeper
 */
export function ring(desk, beeper) {
  const alarms = desk.fleet.unseen();
  const ids = news.of(alarms.map(({ alertId }) => alertId));
  const latest = alarms.find(({ alertId }) => alertId === ids.at(-1));
  if (!latest) return;
  beeper.beep();
  const { who, what } = alarmWords(desk, latest, serverNow());
  setText(byId("alarm-said"), `${who}: ${what}`);
}

/**
 * The button that mutes; whatever is clicked or pressed first on the page allows the sound.
 * @param {Beeper} beeper
 */
export function soundButton(beeper) {
  const button = byId("sound");
  const use = find(button, "use", SVGUseElement);
  const draw = () => {
    const { words, title, icon } = SOUND[beeper.state];
    setText(byId("sound-words"), words);
    setAttribute(button, "title", title);
    setAttribute(button, "data-state", beeper.state);
    setAttribute(use, "href", `#i-${icon}`);
  };
  beeper.changed = draw;
  draw();
  button.addEventListener("click", () => beeper.toggle());
  for (const gesture of ["click", "keydown"]) {
    document.addEventListener(gesture, ({ target }) => {
      if (!(target instanceof Element && target.closest("#sound"))) beeper.unlock();
    });
  }
}
