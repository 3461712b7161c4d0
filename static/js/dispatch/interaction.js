// Keys, tabs of the small screen, the note at the bottom and the questions before an order ends.

import { el, setAttribute, setText } from "../dom.js";
import { isInTheBag } from "./fleet.js";

const byId = (id) => document.getElementById(id);
const TOAST_MS = 7_000;

let toastTimer = 0;
let undoLast = null;

/** Says how an action went; with `undo` it can be taken back. */
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

/** `/` searches, Esc goes back one step, the arrows walk through a list. */
export function keyboard(desk, draw) {
  const search = byId("search");
  search.addEventListener("input", () => {
    desk.query = search.value.trim().toLowerCase();
    draw();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
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

function walk(event, search) {
  const list = event.target.closest(".rows");
  if (!list && event.target !== search) return;
  const visible = (row) => row.offsetParent !== null;
  const rows = [...document.querySelectorAll(list ? ".rows .row" : ".side .rows .row")].filter(
    (row) => visible(row) && (!list || list.contains(row)),
  );
  const next = rows[rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** On a small screen one panel at a time. */
export function tabs() {
  const buttons = [...byId("tabs").children];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      setAttribute(byId("board"), "data-tab", button.dataset.tab);
      for (const other of buttons) setAttribute(other, "aria-pressed", other === button ? "true" : "false");
    });
  }
}

/** What is asked before a dispatcher ends an order; `needsReason`: it is nobody's word but the dispatcher's. */
const QUESTIONS = {
  cancel: {
    title: "Cancel this order?",
    words: ({ customer, needsReason }) =>
      needsReason
        ? `${customer}’s food is with the driver already. Say why it is cancelled.`
        : `${customer}’s order ends here. The customer sees it at once.`,
    submit: "Cancel order",
    needsReason: isInTheBag,
    reasons: [],
    act: (desk, orderId, reason) => desk.cancel(orderId, reason),
  },
  delivered: {
    title: "Mark as delivered?",
    words: ({ customer, driver }) =>
      `${driver} has not pressed “delivered” for ${customer}. You say it, with your name in the timeline.`,
    submit: "Mark as delivered",
    needsReason: () => true,
    reasons: ["Driver confirmed", "Customer confirmed"],
    act: (desk, orderId, reason) => desk.close(orderId, "delivered", reason),
  },
  failed: {
    title: "Not handed over?",
    words: ({ customer }) => `${customer}’s order ends here as not handed over, with your name in the timeline.`,
    submit: "Mark as not handed over",
    needsReason: () => true,
    reasons: ["Customer not reached", "Wrong address"],
    act: (desk, orderId, reason) => desk.close(orderId, "failed", reason),
  },
};

/** Returns what asks one of the QUESTIONS about an order. */
export function reasonDialog(desk) {
  const dialog = byId("reason-dialog");
  const reason = byId("reason");
  let asked = null;
  byId("reason-keep").addEventListener("click", () => dialog.close());
  byId("reason-form").addEventListener("submit", () =>
    asked.question.act(desk, asked.orderId, reason.value.trim()),
  );
  return (name, orderId) => {
    const order = desk.fleet.order(orderId);
    if (!order) return;
    const question = QUESTIONS[name];
    asked = { question, orderId };
    const needsReason = question.needsReason(order);
    const customer = order.customerName || "the customer";
    const driver = desk.fleet.drivers.get(order.driverId)?.name ?? "The driver";
    setText(byId("reason-title"), question.title);
    setText(byId("reason-words"), question.words({ customer, driver, needsReason }));
    setText(byId("reason-submit"), question.submit);
    byId("reason-optional").hidden = needsReason;
    byId("reasons").replaceChildren(
      ...question.reasons.map((words) =>
        el("button", { type: "button", class: "button", onclick: () => fillIn(reason, words) }, words),
      ),
    );
    reason.required = needsReason;
    reason.value = "";
    dialog.showModal();
    reason.focus();
  };
}

function fillIn(input, words) {
  input.value = words;
  input.focus();
}
