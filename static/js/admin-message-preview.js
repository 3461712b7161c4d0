// @ts-check
// The page of a text to customers: what it looks like, how long it is and what it costs, while it is being written.

import { byId, el, find, setText } from "./dom.js";

/**
 * dispatch/admin/messages.py
 * @typedef {{ text: string, length: string, month: string, problem: string, placeholders: string[] }} Previewed
 */

const PAUSE_MS = 250;
const panel = byId("text-preview");
const form = /** @type {HTMLFormElement} */ (panel.closest("form"));
const FIELDS = ["city", "language", "kind", "text"];

/** @type {ReturnType<typeof setTimeout> | undefined} */
let pause;
let asked = 0;

/** Only what the newest question is answered with is shown. */
async function refresh() {
  const turn = ++asked;
  const body = new FormData();
  const typed = new FormData(form);
  for (const name of [...FIELDS, "csrfmiddlewaretoken"]) body.set(name, typed.get(name) ?? "");
  try {
    const answer = await fetch(panel.dataset.url ?? "", { method: "POST", body });
    if (!answer.ok) throw new Error(String(answer.status));
    const previewed = await answer.json();
    if (turn === asked) show(previewed);
  } catch {
    if (turn === asked) show({ text: "", length: "", month: "", problem: "The server can’t be reached.", placeholders: [] });
  }
}

/** @param {Previewed} previewed */
function show({ text, length, month, problem, placeholders }) {
  for (const [name, words] of Object.entries({ text, length, month, problem })) {
    const place = find(panel, `#preview-${name}`, HTMLElement);
    setText(place, words);
    place.hidden = !words;
  }
  byId("preview-placeholders").replaceChildren(...placeholders.map((words) => el("li", {}, words)));
}

form.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(refresh, PAUSE_MS);
});
refresh();
