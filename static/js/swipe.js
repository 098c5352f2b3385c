// Swiping a row does what the person has chosen for that direction (Preferences.swipe_right and swipe_left, by default
// archive and delete). "Right" is towards the end of the line, so it mirrors with the language. Behind the row lies
// what will happen, as icon, word and colour; short of a third of the way, letting go does nothing.

import { commands, main, view, words } from "./client.js";
import { act, openChooser } from "./actions.js";
import { checkedRows, isList, select, setCursor } from "./list.js";

const BEGIN = 12, FLICK = 0.55, FAR = 0.34;  // px, px/ms, part of the row's width
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const ICONS = { archive: "archive", delete: "trash-2", read: "mail", unread: "mail", move: "folder-input", snooze: "clock" };
let swipe = null;

const isRtl = () => getComputedStyle(document.documentElement).direction === "rtl";

/** What a direction does with this row here; "none" where that makes no sense. */
function meaning(row, forward) {
  const { box, view: kind } = view(), wanted = document.body.dataset[forward ? "swipeRight" : "swipeLeft"] ?? "none";
  const written = box === "drafts" || box === "scheduled";
  if (wanted === "archive") return kind === "list" && (written || ["archive", "trash", "spam"].includes(box)) ? "none" : "archive";
  if (wanted === "read") return written ? "none" : "unread" in row.dataset ? "read" : "unread";
  if (wanted === "snooze") return commands.has("snooze") && !written && !["trash", "spam"].includes(box) ? "snooze" : "none";
  if (wanted === "move") return written ? "none" : "move";
  return wanted;
}

function begin(event) {
  const row = event.target.closest?.("[data-rows] > .row");
  if (event.pointerType !== "touch" || !event.isPrimary || !row || !isList() || checkedRows().length || swipe) return;
  swipe = { row, id: event.pointerId, x: event.clientX, y: event.clientY, at: event.timeStamp, way: 0, on: false, rtl: isRtl() };
}

function move(event) {
  if (!swipe || event.pointerId !== swipe.id) return;
  const across = event.clientX - swipe.x, down = event.clientY - swipe.y;
  if (!swipe.on) {
    if (Math.abs(down) > BEGIN && Math.abs(down) > Math.abs(across)) { swipe = null; return; }
    if (Math.abs(across) < BEGIN || Math.abs(across) < 1.4 * Math.abs(down)) return;
    take(event);
  }
  draw(swipe.rtl ? -across : across);
}

function take(event) {
  const { row } = swipe;
  swipe.on = true;
  swipe.does = { true: meaning(row, true), false: meaning(row, false) };
  row.setPointerCapture?.(event.pointerId);
  row.classList.add("swiped");
  const face = swipe.face = document.createElement("div");
  face.className = "swipe-face";
  face.ariaHidden = "true";
  Object.assign(face.style, { insetBlockStart: `${row.offsetTop}px`, blockSize: `${row.offsetHeight}px` });
  row.after(face);
}

/** Puts the row and what lies behind it where the finger is; `way` counts along the line. */
function draw(way) {
  const { row, face, rtl } = swipe, verb = swipe.does[way > 0];
  swipe.way = verb === "none" ? 0 : way;
  swipe.verb = verb;
  row.style.translate = `${(rtl ? -1 : 1) * swipe.way}px 0`;
  if (face.dataset.does !== verb || face.dataset.side !== (way > 0 ? "start" : "end")) {
    face.dataset.does = verb;
    face.dataset.side = way > 0 ? "start" : "end";
    face.innerHTML = verb === "none" ? "" : `<svg class="icon" width="22" height="22"><use href="#icon-${ICONS[verb]}"/></svg><span></span>`;
    if (verb !== "none") face.lastChild.textContent = words[`swipe_${verb}`];
  }
  const armed = Math.abs(swipe.way) > row.offsetWidth * FAR;
  if (armed !== face.hasAttribute("data-armed")) navigator.vibrate?.(8);
  face.toggleAttribute("data-armed", armed);
}

function end(event) {
  if (!swipe || event.pointerId !== swipe.id) return;
  const { row, face, on, way, verb, at } = swipe, speed = Math.abs(way) / Math.max(1, event.timeStamp - at);
  const far = on && verb !== "none" && event.type === "pointerup" && (face.hasAttribute("data-armed") || (speed > FLICK && Math.abs(way) > 56));
  const rtl = swipe.rtl;
  swipe = null;
  if (!on) return;
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }), 60);
  if (!far) { settle(row, face); return; }
  if (verb === "archive" || verb === "delete") leave(row, face, verb, Math.sign(way) * (rtl ? -1 : 1));
  else { settle(row, face); run(verb, row); }
}

const swallow = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

/** Back to where it was. */
function settle(row, face) {
  row.classList.add("settling");
  row.style.translate = "";
  const done = () => { row.classList.remove("settling", "swiped"); face.remove(); };
  if (calm.matches) done();
  else setTimeout(done, 180);
}

/** Out to the side; a row that stays here in spite of it (archived in a label) comes back. */
function leave(row, face, verb, side) {
  row.classList.add("settling");
  row.style.translate = `${side * 100}% 0`;
  setTimeout(() => {
    face.remove();
    run(verb, row);
    row.classList.remove("settling", "swiped");
    row.style.translate = "";
  }, calm.matches ? 0 : 140);
}

function run(verb, row) {
  const only = () => { setCursor(row, { focus: false }); select("none"); };
  if (verb === "move") { only(); openChooser("move"); }
  else if (verb === "snooze") { only(); commands.get("snooze")(); }
  else if (verb === "delete" && ["trash", "spam"].includes(view().box)) { only(); commands.get("delete")(); }  // asks first
  else act(verb, [row.dataset.id]);
}

main.addEventListener("pointerdown", begin);
main.addEventListener("pointermove", move);
main.addEventListener("pointerup", end);
main.addEventListener("pointercancel", end);
