// One key, one command (webmail spec §9). Keys count by the character they type, on any layout, outside of fields, and
// without Ctrl, Alt or ⌘, which belong to the browser. Keys pressed while a view is on its way wait for it. What a
// command does is the other modules' business.

import { commands, go, main, underway, up, view } from "./client.js";
import { checkedRows, isList, select } from "./list.js";
import { closeToast } from "./toast.js";

const KEYS = {
  j: "older", k: "newer", ArrowDown: "older", ArrowUp: "newer",
  o: "open", Enter: "open", x: "select", s: "star", e: "archive", y: "out-of-view", "#": "delete", Delete: "delete", "!": "junk",
  I: "read", U: "unread", "+": "important", "=": "important", "-": "unimportant", m: "mute", b: "snooze",
  v: "move", l: "label", z: "undo", "[": "archive-newer", "]": "archive-older", ".": "more", ",": "toolbar",
  n: "next-message", p: "previous-message", ";": "open-all", ":": "close-all", u: "up", N: "update", "`": "next-section", "~": "previous-section",
  c: "compose", d: "compose-tab", r: "reply", R: "reply-tab", a: "reply_all", A: "reply_all-tab", f: "forward", F: "forward-tab",
  "/": "search", "?": "help", Escape: "escape", _: "unread-from",
};
const PLAIN = new Set(["ArrowDown", "ArrowUp", "Enter", "Escape"]);  // what stays when the others are switched off
const GO = { i: "/mail/inbox/", s: "/mail/starred/", b: "/mail/snoozed/", t: "/mail/sent/", d: "/mail/drafts/", a: "/mail/all/" };
const STAR = { a: "select-all", n: "select-none", r: "select-read", u: "select-unread", s: "select-starred", t: "select-unstarred" };
const PAUSE = 1000;  // ms within which the second key of a pair must follow
const MOST_WAITING = 40;

let first = null, since = 0;

/** The field that a key goes to. One that was hidden with its menu keeps the focus for a moment: nobody types there. */
function typing(target) {
  const field = target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]:not([contenteditable=false])");
  return field?.checkVisibility() ? field : null;
}
const isOpen = () => document.querySelector("dialog[open], :popover-open");

function compose(mode, tab = false) {
  const link = main.querySelector(`[data-reply-bar] [data-compose="${mode}"]`)
    ?? (mode === "reply_all" ? main.querySelector('[data-reply-bar] [data-compose="reply"]') : null)
    ?? (mode === "new" ? document.querySelector('.sidebar [data-compose="new"]') : null);
  if (tab && link) open(link.href, "_blank", "noopener");
  else link?.click();
}

function escape() {
  if (isList() && checkedRows().length) select("none");
  else { closeToast(); document.dispatchEvent(new CustomEvent("compose:focus")); }
}

for (const [name, run] of Object.entries({
  up: () => (view().view === "conversation" ? up() : ["list", "search"].includes(view().view) ? go(location.href, { replace: true }) : up("/mail/inbox/")),
  update: () => (view().view === "conversation" ? document.dispatchEvent(new CustomEvent("mail:stale")) : go(location.href, { replace: true })),
  compose: () => compose("new"),
  "compose-tab": () => compose("new", true),
  search: () => { const field = document.querySelector(".topbar .search input"); field?.focus(); field?.select(); },
  toolbar: () => [...main.querySelectorAll("[data-toolbar] :is(button, a[href], input)")].find((item) => item.offsetParent && !item.closest(".menu"))?.focus(),
  help: () => help(),
  escape,
})) commands.set(name, run);
for (const mode of ["reply", "reply_all", "forward"]) {
  commands.set(mode, () => compose(mode));
  commands.set(`${mode}-tab`, () => compose(mode, true));
}

function help() {
  const keys = document.getElementById("keys");
  keys?.showModal();
  keys?.scrollTo(0, 0);  // its only button is at the end, and has the focus
}
document.addEventListener("click", (event) => { if (event.target.closest?.('[data-opens="keys"]')) document.getElementById("keys")?.scrollTo(0, 0); });

function pair(key) {
  const start = first;
  first = null;
  if (start === "g" && GO[key]) { go(GO[key]); return true; }
  if (start === "g" && (key === "n" || key === "p")) { commands.get(key === "n" ? "next-page" : "previous-page")?.(); return true; }
  if (start === "g" && key === "l") { commands.get("go-to-label")?.(); return true; }
  if (start === "*" && STAR[key]) { commands.get(STAR[key])?.(); return true; }
  return false;
}

/** Does what a key means now. Gives whether it means anything. */
function does(key, target) {
  if (!document.body.dataset.keyboard && !PLAIN.has(key)) return false;
  if (first && Date.now() - since < PAUSE && pair(key)) return true;
  if (key === "g" || key === "*") { first = key; since = Date.now(); return true; }
  first = null;
  // Enter and the arrows keep their meaning on buttons, links and menus.
  if (key === "Enter" && target.closest?.("button, a, summary, [role=button]")) return false;
  if (key.startsWith("Arrow") && (view().view === "conversation" || target.closest?.(".sidebar, [role=toolbar]"))) return false;
  const command = commands.get(KEYS[key]);
  command?.();
  return Boolean(command) && key !== "Escape";
}

export function press(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { key, target } = event;
  if (key === "Escape" && event.shiftKey) { main.focus(); return; }
  if (typing(target)) {
    if (key === "Escape" && target.closest(".topbar .search")) target.blur();
    return;
  }
  if (isOpen() || target.closest?.("#compose-dock, .compose")) return;
  if ((underway() || waiting.length) && key !== "Escape" && (key.length === 1 || KEYS[key])) {
    event.preventDefault();
    if (waiting.length < MOST_WAITING) waiting.push(key);
    return;
  }
  if (does(key, target)) event.preventDefault();
}

/* --- keys pressed while a view is on its way --------------------------------------- */
let waiting = [], came = false;
document.addEventListener("mail:view", () => { came = true; });
document.addEventListener("pointerdown", () => { waiting = []; }, true);  // who takes the mouse has something else in mind
document.addEventListener("mail:settled", () => {
  if (!came) waiting = [];  // they were meant for a view that did not come
  came = false;
  while (waiting.length && !underway()) again(waiting.shift());
});

/** A key that waited: for the view, or for the field that the key before it opened. */
function again(key) {
  const field = typing(document.activeElement);
  if (field) {
    if (key.length > 1) { field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })); return; }
    field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (!isOpen()) does(key, document.activeElement ?? document.body);
}

document.addEventListener("keydown", press);
document.body.dataset.ready = "";  // from now on keys and clicks mean what they say here
