// Keys, tabs of the small screen, the note at the bottom and the question before cancelling.

import { setAttribute, setText } from "../dom.js";

const byId = (id) => document.getElementById(id);
const TOAST_MS = 7_000;
const IN_THE_BAG = ["picked_up", "driver_nearby"];

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

export function cancelDialog(desk) {
  const dialog = byId("cancel-dialog");
  const reason = byId("cancel-reason");
  let orderId = null;
  byId("cancel").addEventListener("click", () => {
    const { order } = desk;
    const inTheBag = IN_THE_BAG.includes(order.status);
    orderId = order.orderId;
    setText(
      byId("cancel-words"),
      inTheBag
        ? `${order.customerName}’s food is with the driver already. Say why it is cancelled.`
        : `${order.customerName}’s order ends here. The customer sees it at once.`,
    );
    byId("cancel-optional").hidden = inTheBag;
    reason.required = inTheBag;
    reason.value = "";
    dialog.showModal();
    reason.focus();
  });
  byId("cancel-keep").addEventListener("click", () => dialog.close());
  byId("cancel-form").addEventListener("submit", () => desk.cancel(orderId, reason.value.trim()));
}
