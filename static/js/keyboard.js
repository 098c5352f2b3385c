// One key, one command (webmail spec §9). Keys count by the character they type, on any layout, outside of fields, and
// without Ctrl, Alt or ⌘, which belong to the browser. What a command does is the other modules' business.

import { commands, go, main, up, view } from "./client.js";
import { closeToast } from "./toast.js";

const KEYS = {
  j: "older", k: "newer", ArrowDown: "older", ArrowUp: "newer",
  o: "open", Enter: "open", x: "select", s: "star", e: "archive", "#": "delete", Delete: "delete", "!": "junk",
  I: "read", U: "unread", v: "move", l: "label", z: "undo", "[": "archive-newer", "]": "archive-older",
  n: "next-message", p: "previous-message", ";": "open-all", ":": "close-all", u: "up",
  c: "compose", r: "reply", a: "reply_all", f: "forward", "/": "search", "?": "help", Escape: "escape", _: "unread-from",
};
const GO = { i: "/mail/inbox/", s: "/mail/starred/", b: "/mail/snoozed/", t: "/mail/sent/", d: "/mail/drafts/", a: "/mail/all/" };
const STAR = { a: "select-all", n: "select-none", r: "select-read", u: "select-unread", s: "select-starred", t: "select-unstarred" };
const PAUSE = 1000;  // ms within which the second key of a pair must follow

let first = null, since = 0;

const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]:not([contenteditable=false])");
const isOpen = () => document.querySelector("dialog[open], :popover-open");

function compose(mode) {
  const link = main.querySelector(`[data-reply-bar] [data-compose="${mode}"]`)
    ?? (mode === "reply_all" ? main.querySelector('[data-reply-bar] [data-compose="reply"]') : null)
    ?? (mode === "new" ? document.querySelector('.sidebar [data-compose="new"]') : null);
  link?.click();
}

for (const [name, run] of Object.entries({
  up: () => (view().view === "conversation" ? up() : ["list", "search"].includes(view().view) ? go(location.href, { replace: true }) : up("/mail/inbox/")),
  compose: () => compose("new"),
  reply: () => compose("reply"),
  reply_all: () => compose("reply_all"),
  forward: () => compose("forward"),
  search: () => { const field = document.querySelector(".topbar .search input"); field?.focus(); field?.select(); },
  help: () => document.getElementById("keys")?.showModal(),
  escape: () => closeToast(),
})) commands.set(name, run);

function pair(key) {
  const start = first;
  first = null;
  if (start === "g" && GO[key]) { go(GO[key]); return true; }
  if (start === "g" && (key === "n" || key === "p")) { commands.get(key === "n" ? "next-page" : "previous-page")?.(); return true; }
  if (start === "g" && key === "l") { document.querySelector("[data-labels] .nav-item")?.focus(); return true; }
  if (start === "*" && STAR[key]) { commands.get(STAR[key])?.(); return true; }
  return false;
}

export function press(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { key, target } = event;
  if (typing(target)) {
    if (key === "Escape" && target.closest(".topbar .search")) target.blur();
    return;
  }
  if (isOpen() || target.closest?.("#compose-dock, .compose")) return;
  if (first && Date.now() - since < PAUSE && pair(key)) { event.preventDefault(); return; }
  if (key === "g" || key === "*") { first = key; since = Date.now(); return; }
  first = null;
  // Enter and the arrows keep their meaning on buttons, links and menus.
  if (key === "Enter" && target.closest?.("button, a, summary, [role=button]")) return;
  if (key.startsWith("Arrow") && (view().view === "conversation" || target.closest?.(".sidebar, [role=toolbar]"))) return;
  const run = commands.get(KEYS[key]);
  if (!run) return;
  if (key !== "Escape") event.preventDefault();
  run();
}

document.addEventListener("keydown", press);
