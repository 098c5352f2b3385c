// Fingers instead of a pointer (webmail spec §12): holding a row selects it, tapping rows goes on selecting, and Back
// closes what lies on top before it leaves the view. Loaded on touch screens and narrow ones when nothing else is going
// on; brings swiping and pulling along.

import { commands, main, underway } from "./client.js";
import { checkedRows, isList, select, toggle } from "./list.js";
import "./swipe.js";
import "./pull.js";

/* --- holding and tapping ------------------------------------------------------------------------------------- */
const HOLD = 450, SLACK = 10;  // ms, px
let holding = 0, start = null, held = false, finger = false;

const rowAt = (event) => event.target.closest?.("[data-rows] > .row");

document.addEventListener("pointerdown", (event) => {
  finger = event.pointerType === "touch";
  held = false;
  clearTimeout(holding);
  const row = finger && event.isPrimary && isList() && rowAt(event);
  if (!row || event.target.closest(".row-chips")) return;
  start = { x: event.clientX, y: event.clientY };
  holding = setTimeout(() => {
    held = true;
    toggle(row);
    navigator.vibrate?.(12);
  }, HOLD);
});

document.addEventListener("pointermove", (event) => {
  if (start && Math.hypot(event.clientX - start.x, event.clientY - start.y) > SLACK) letGo();
});
function letGo() { clearTimeout(holding); start = null; }
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, letGo);

const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

document.addEventListener("click", (event) => {
  const row = finger && rowAt(event);
  if (!row) return;
  if (held) { held = false; stop(event); return; }
  if (checkedRows().length && !event.target.closest(".row-avatar, .row-check")) { stop(event); toggle(row); }
}, true);

// A finger that rests on a row means to select it: neither the browser's menu for links nor ours, and no dragging.
for (const kind of ["contextmenu", "dragstart"]) document.addEventListener(kind, (event) => { if (finger && rowAt(event)) stop(event); }, true);

document.addEventListener("click", (event) => {  // the way on at the end of the list is that of the toolbar, which is kept up to date
  if (event.target.closest?.("[data-end-older]") && commands.get("next-page")) { stop(event); commands.get("next-page")(); }
}, true);

/* --- Back closes the topmost layer -----------------------------------------------------------------------------
 * While a menu, a dialog, the drawer, a window that writes or a selection is there, the history holds one entry more
 * with the same address. Leaving that entry closes one layer; when the last layer goes by itself, so does the entry. */
const small = matchMedia("(width <= 768px), (pointer: coarse)");
const opened = [];  // menus and dialogs, in the order in which they came
let guarded = false, dropping = false;

const isShown = (element) => element.isConnected && (element instanceof HTMLDialogElement ? element.open : element.matches(":popover-open"));

/** What closes the topmost layer; null when there is none. */
function topmost() {
  const element = opened.findLast(isShown);
  if (element) return () => (element instanceof HTMLDialogElement ? element.close() : element.hidePopover());
  if (document.documentElement.classList.contains("composing")) return () => document.querySelector('#compose-dock .compose:not(.folded) [data-do="close"]')?.click();
  return isList() && checkedRows().length ? () => select("none") : null;
}

function guard() {
  if (!small.matches || underway() || dropping) return;
  const any = topmost() !== null;
  guarded = Boolean(history.state?.layer);
  if (any && !guarded) {
    history.pushState({ ...history.state, layer: true }, "");
    guarded = true;
  } else if (!any && guarded) drop();
}

function drop() {
  dropping = true;
  guarded = false;
  history.back();
}

addEventListener("popstate", (event) => {
  if (dropping) { dropping = false; guard(); return; }
  const was = guarded;
  guarded = Boolean(event.state?.layer);
  if (guarded) { if (!topmost()) drop(); return; }  // an entry that was left behind when its layer led elsewhere
  if (!was) return;
  topmost()?.();
  setTimeout(guard);
});

document.addEventListener("toggle", (event) => {
  const element = event.target;
  if (!(element instanceof HTMLElement) || !(element.popover || element instanceof HTMLDialogElement)) return;
  const at = opened.indexOf(element);
  if (at >= 0) opened.splice(at, 1);
  if (event.newState === "open") opened.push(element);
  guard();
}, true);

const watcher = new MutationObserver(guard);
watcher.observe(document.documentElement, { attributeFilter: ["class"] });
watcher.observe(main, { subtree: true, attributeFilter: ["data-selected"] });
for (const kind of ["mail:view", "mail:settled"]) document.addEventListener(kind, () => setTimeout(guard));
addEventListener("pageshow", () => setTimeout(guard));
opened.push(...document.querySelectorAll("dialog[open], :popover-open"));
guard();
