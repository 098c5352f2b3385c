// Pulling a list down at its top loads it again. Only where the document itself scrolls, as on a phone; the browser's own
// way of doing that, which would load the whole page, is switched off in css/phone.css.

import { address, go } from "./client.js";
import { isList } from "./list.js";

const ENOUGH = 72, MOST = 104;  // px
const narrow = matchMedia("(width <= 768px)");
let from = null, mark = null, way = 0;

function drawn() {
  mark = document.createElement("div");
  mark.className = "pull";
  mark.ariaHidden = "true";
  mark.innerHTML = '<svg class="icon" width="20" height="20"><use href="#icon-refresh-cw"/></svg>';
  document.body.append(mark);
  return mark;
}

function start(event) {
  if (event.touches.length > 1 || !narrow.matches || !isList() || document.scrollingElement.scrollTop > 0) return;
  if (!event.target.closest?.("#main") || document.querySelector("dialog[open], :popover-open")) return;
  from = { x: event.touches[0].clientX, y: event.touches[0].clientY, on: false };
  document.addEventListener("touchmove", move, { passive: false });  // only now: scrolling elsewhere waits for no script
}

function move(event) {
  const across = event.touches[0].clientX - from.x, down = event.touches[0].clientY - from.y;
  if (!from.on) {
    if (down < -4 || Math.abs(across) > 10) { stop(); return; }
    if (down < 10) return;
    from.on = true;
  }
  if (event.cancelable) event.preventDefault();
  way = Math.min(MOST, Math.max(0, down - 10) * 0.55);
  const shown = mark ?? drawn();
  shown.style.translate = `0 ${way}px`;
  shown.firstChild.style.rotate = `${way * 3}deg`;
  shown.toggleAttribute("data-enough", way >= ENOUGH);
}

async function end() {
  const enough = from?.on && way >= ENOUGH;
  stop();
  if (!mark) return;
  if (enough) {
    mark.dataset.loading = "";
    await go(address(), { replace: true });
  }
  mark?.remove();
  mark = null;
  way = 0;
}

function stop() {
  from = null;
  document.removeEventListener("touchmove", move);
}

document.addEventListener("touchstart", start, { passive: true });
document.addEventListener("touchend", end);
document.addEventListener("touchcancel", () => { stop(); mark?.remove(); mark = null; });
