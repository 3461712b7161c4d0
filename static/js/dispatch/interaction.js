// @ts-check
// Keys, tabs of the small screen, the note at the bottom and the dialog before an order ends.

import { byId, el, setAttribute, setText } from "../dom.js";
import { QUESTIONS } from "./questions.js";

/** @import { Desk, Undo } from "./desk.js" */
/** @import { Question } from "./questions.js" */

const TOAST_MS = 7_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;
/** @type {Undo | null} */
let undoLast = null;

/**
 * Says how an action went; with `undo` it can be taken back.
 * @param {string} words
 * @param {Undo | null} undo
 */
export function toast(words, undo = null) {
  clearTimeout(toastTimer);
  undoLast = undo;
  setText(byId("toast-words"), words);
  byId("toast-undo").hidden = !undo;
  byId("toast").hidden = false;
  toastTimer = setTimeout(hideToast, TOAST_MS);
}

function hideToast() {
  byId("toast").hidden = true;
}

byId("toast-close").addEventListener("click", hideToast);
byId("toast-undo").addEventListener("click", () => {
  hideToast();
  undoLast?.();
});

/**
 * `/` searches, Esc goes back one step, the arrows walk through a list.
 * @param {Desk} desk
 * @param {() => void} draw
 */
export function keyboard(desk, draw) {
  const search = byId("search", HTMLInputElement);
  search.addEventListener("input", () => {
    desk.query = search.value.trim().toLowerCase();
    draw();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.select();
      search.focus();
    } else if (event.key === "Escape") {
      goBack(desk, search, draw);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      walk(event, search);
    }
  });
  for (const button of document.querySelectorAll("[data-close]"))
    button.addEventListener("click", () => desk.clear());
}

/**
 * @param {Desk} desk
 * @param {HTMLInputElement} search
 * @param {() => void} draw
 */
function goBack(desk, search, draw) {
  if (document.activeElement === search || search.value) {
    search.value = "";
    desk.query = "";
    search.blur();
    draw();
  } else {
    desk.clear();
  }
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLInputElement} search
 */
function walk(event, search) {
  const at = /** @type {HTMLElement} */ (event.target);
  const list = at.closest(".rows");
  if (!list && at !== search) return;
  /** @type {NodeListOf<HTMLElement>} */
  const found = document.querySelectorAll(list ? ".rows .row" : ".side .rows .row");
  const rows = [...found].filter((row) => row.offsetParent !== null && (!list || list.contains(row)));
  const next = rows[rows.indexOf(at) + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** On a small screen one panel at a time. */
export function tabs() {
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = byId("tabs").querySelectorAll("[data-tab]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      setAttribute(byId("board"), "data-tab", button.dataset.tab);
      for (const other of buttons) setAttribute(other, "aria-pressed", other === button ? "true" : "false");
    });
  }
}

/**
 * Returns what asks one of the QUESTIONS about an order.
 * @param {Desk} desk
 * @returns {Desk["ask"]}
 */
export function reasonDialog(desk) {
  const dialog = byId("reason-dialog", HTMLDialogElement);
  const reason = byId("reason", HTMLInputElement);
  /** @type {{ question: Question, orderId: string } | null} */
  let asked = null;
  byId("reason-keep").addEventListener("click", () => dialog.close());
  byId("reason-form").addEventListener("submit", () => {
    if (asked) asked.question.act(desk, asked.orderId, reason.value.trim());
  });
  return (name, orderId) => {
    const order = desk.fleet.order(orderId);
    if (!order) return;
    const question = QUESTIONS[name];
    asked = { question, orderId };
    const needsReason = question.needsReason(desk, order);
    const customer = order.customerName || "the customer";
    const driver = desk.fleet.driverOf(order)?.name ?? "The driver";
    setText(byId("reason-title"), question.title);
    setText(byId("reason-words"), question.words({ customer, driver, needsReason }));
    setText(byId("reason-submit"), question.submit);
    byId("reason-optional").hidden = needsReason;
    byId("reasons").replaceChildren(
      ...question.reasons(desk).map((words) =>
        el("button", { type: "button", class: "button", onclick: () => fillIn(reason, words) }, words),
      ),
    );
    reason.required = needsReason;
    reason.value = "";
    dialog.showModal();
    reason.focus();
  };
}

/**
 * @param {HTMLInputElement} input
 * @param {string} words
 */
function fillIn(input, words) {
  input.value = words;
  input.focus();
}
