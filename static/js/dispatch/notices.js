// @ts-check
// What stands over the dashboard as long as it holds: asked for now and then, since no frame tells it.

import { byId, el } from "../dom.js";

/** @import { Notices } from "../../../types/server" */

const EVERY_MS = 60_000;

/** @param {string} url */
export function watchNotices(url) {
  setInterval(async () => {
    const answer = await fetch(url).catch(() => null);
    // The page says itself that the server is away; what it said last stands until then.
    if (!answer?.ok) return;
    /** @type {Notices} */
    const { notices } = await answer.json();
    show(notices);
  }, EVERY_MS);
}

/**
 * A live region: what it says already is not said again.
 * @param {string[]} notices
 */
function show(notices) {
  const list = byId("notices");
  const shown = [...list.children].map((item) => item.textContent);
  if (shown.join("\n") !== notices.join("\n")) list.replaceChildren(...notices.map((words) => el("li", {}, words)));
}
