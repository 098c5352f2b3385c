// The menu of a row: the right mouse button, or the key "." (webmail spec 3.9). It is for the row it was opened on, or for
// the selection when that row is part of it. Loaded when it is first asked for.

import { openMenuAt } from "./components.js";
import { commands, go } from "./client.js";
import { checkedRows, rowOf, setCursor } from "./list.js";
import { factsOf, openMenu, run } from "./actions.js";

const menu = document.getElementById("row-menu");
const ANSWERS = ["reply", "reply_all", "forward"];
let ids = [];

/** Opens it for a row: at a point, when the button was let go, or below the row. */
export async function open(row, { x = 0, y = 0, released = null } = {}) {
  setCursor(row, { focus: false });
  ids = (row.classList.contains("checked") ? checkedRows() : [row]).map((each) => each.dataset.id);
  const facts = factsOf(ids), one = facts.length === 1;
  const shown = {
    read: facts.some((each) => "unread" in each), unread: facts.some((each) => !("unread" in each)),
    star: facts.some((each) => !("starred" in each)), unstar: facts.some((each) => "starred" in each),
    mute: facts.some((each) => !("muted" in each)), unmute: facts.some((each) => "muted" in each),
    find: one && Boolean(facts[0].who), window: one, reply: one, reply_all: one, forward: one,
    snooze: document.getElementById("snooze-menu") !== null,
  };
  for (const item of menu.querySelectorAll("[data-row-do]")) item.hidden = shown[item.dataset.rowDo] === false;
  for (const line of menu.querySelectorAll(".menu-line")) line.hidden = !one && line.matches("[data-one]");
  await released;
  const at = row.getBoundingClientRect();
  openMenuAt(menu, x || at.left + 48, y || at.bottom);
}

menu.addEventListener("click", (event) => {
  const what = event.target.closest("[data-row-do]")?.dataset.rowDo, row = rowOf(ids[0]);
  if (!what || !row) return;
  if (ANSWERS.includes(what)) document.dispatchEvent(new CustomEvent("compose:open", { detail: { mode: what, message: Number(row.dataset.last) } }));
  else if (what === "window") window.open(row.querySelector(".row-link").href, "_blank", "popup,noopener,width=1000,height=800");
  else if (what === "attach") import("./compose-again.js").then((again) => again.enclose(ids));
  else if (what === "filter") import("./rules.js").then((rules) => rules.filterLike(ids));
  else if (what === "block") import("./rules.js").then((rules) => rules.block(ids));
  else if (what === "find") go(`/mail/search/?${new URLSearchParams({ q: `from:${row.dataset.who}` })}`);
  else if (["move", "label", "snooze"].includes(what)) { menu.hidePopover(); openMenu(what, { ids }); }
  else if (what === "delete" && document.querySelector('#view[data-box="trash"], #view[data-box="spam"]')) commands.get("delete")();
  else run(what, {}, ids);
});
menu.addEventListener("toggle", (event) => {
  if (event.newState === "closed" && menu.contains(document.activeElement)) rowOf(ids[0])?.focus({ preventScroll: true });
});
