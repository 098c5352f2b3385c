// Who a chip is: name, whole address, and how mail to their host travels, shown beside a chip that is pointed at or has
// the focus.

import { call, part } from "./compose-net.js";

const REST = 350;  // ms that a pointer rests
const known = new Map();  // domain → what the server says of it
let card = null, timer = 0;

async function security(domain) {
  if (!known.has(domain)) {
    known.set(domain, null);
    try { known.set(domain, (await call("security/", { body: { domains: [domain] } })).domains[domain] ?? null); } catch { known.delete(domain); }
  }
  return known.get(domain);
}

function show(chip, { avatar }) {
  const { name, address } = chip.dataset;
  if (!chip.isConnected) return;
  if (!card) { card = part("card"); document.body.append(card); }
  const [face, text] = card.children;
  avatar(face, name, address, 40);
  text.querySelector("strong").textContent = name || address;
  const written = text.querySelector(".compose-card-address"), note = text.querySelector(".compose-card-note");
  written.textContent = name ? address : "";
  note.hidden = true;
  card.showPopover();
  const at = chip.getBoundingClientRect(), own = card.getBoundingClientRect();
  const left = getComputedStyle(chip).direction === "rtl" ? at.right - own.width : at.left;
  Object.assign(card.style, { left: `${Math.max(8, Math.min(left, innerWidth - own.width - 8))}px`, top: `${at.bottom + 4 + own.height > innerHeight ? at.top - own.height - 4 : at.bottom + 4}px` });
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  if (chip.getAttribute("aria-invalid") === "true" || !domain.includes(".")) return;
  security(domain).then((said) => { if (said?.text && card.matches(":popover-open") && written.parentElement.querySelector("strong").textContent === (name || address)) { note.textContent = said.text; note.hidden = false; } });
}

export function hideCard() {
  clearTimeout(timer);
  if (card?.matches(":popover-open")) card.hidePopover();
}

/** Watches the chips of a field. */
export function cards(box, tools) {
  box.addEventListener("pointerover", (event) => {
    const chip = event.pointerType === "mouse" && event.target.closest(".person");
    clearTimeout(timer);
    if (chip) timer = setTimeout(() => show(chip, tools), REST);
  });
  box.addEventListener("pointerout", (event) => { if (!event.relatedTarget?.closest?.(".person")) hideCard(); });
  box.addEventListener("focusin", (event) => { hideCard(); if (event.target.matches(".person:focus-visible")) show(event.target, tools); });
  for (const kind of ["focusout", "keydown", "dragstart", "pointerdown", "scroll"]) box.addEventListener(kind, hideCard);
}
