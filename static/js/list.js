// Lists of conversations: the cursor, the selection, and how rows change. Rows are drawn by the server
// (components/row.html) and put in by `update`; what is done to them is js/actions.js.

import { commands, getHtml, lookAhead, main, parse, say, view, words } from "./client.js";

export const rows = () => [...main.querySelectorAll("[data-rows] > .row")];
export const rowOf = (id) => main.querySelector(`[data-rows] > .row[data-id="${CSS.escape(id)}"]`);
export const isList = () => ["list", "search"].includes(view().view);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/* --- the cursor: one row that the keys mean ------------------------------- */
let cursor = null;  // the row's id; it survives refreshing and opening

export function cursorRow() {
  return cursor && rowOf(cursor);
}

export function setCursor(row, { focus = true } = {}) {
  for (const other of main.querySelectorAll(".row.cursor")) {
    other.classList.remove("cursor");
    other.tabIndex = -1;
  }
  if (!row) return;
  cursor = row.dataset.id;
  row.classList.add("cursor");
  row.tabIndex = 0;
  if (focus) row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  const link = row.querySelector(".row-link:not([data-compose])");
  if (link && focus) lookAhead(link.href);
}

export function moveCursor(step) {
  const all = rows(), now = all.indexOf(cursorRow());
  const next = now < 0 ? all[0] : all[now + step];
  if (next) setCursor(next);
}

/* --- the selection --------------------------------------------------------- */
let lastChecked = null;

/** Conversations that were sent away, and from which place: their rows must not be seen again in a view of it that was
    kept. What the server says of a row after that counts more. */
export const out = new Map();

export const boxOf = (row) => row.querySelector(".row-check input");
export const checkedRows = () => rows().filter((row) => row.classList.contains("checked"));

function check(row, on) {
  boxOf(row).checked = on;
  row.classList.toggle("checked", on);
  row.setAttribute("aria-selected", on);
}

export function showSelection() {
  const bar = main.querySelector("[data-toolbar]"), all = rows(), chosen = checkedRows();
  if (!bar || !isList()) return;
  bar.toggleAttribute("data-selected", chosen.length > 0);
  bar.toggleAttribute("data-some-unread", chosen.some((row) => "unread" in row.dataset));
  bar.toggleAttribute("data-some-read", chosen.some((row) => !("unread" in row.dataset)));
  const number = bar.querySelector("[data-selected-number]"), count = bar.querySelector("[data-selected-count]"), every = bar.querySelector("[data-check-all]");
  if (number) number.textContent = chosen.length || "";
  if (count) count.textContent = chosen.length ? say("selected", chosen.length) : "";
  if (every) {
    every.checked = chosen.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }
}

export const KINDS = {
  all: () => true,
  none: () => false,
  read: (row) => !("unread" in row.dataset),
  unread: (row) => "unread" in row.dataset,
  starred: (row) => "starred" in row.dataset,
  unstarred: (row) => !("starred" in row.dataset),
};

export function select(kind) {
  for (const row of rows()) check(row, KINDS[kind](row));
  showSelection();
}

export function toggle(row, { range = false } = {}) {
  const on = !row.classList.contains("checked"), all = rows();
  const from = range && lastChecked ? all.indexOf(rowOf(lastChecked)) : -1, to = all.indexOf(row);
  for (const each of from < 0 ? [row] : all.slice(Math.min(from, to), Math.max(from, to) + 1)) check(each, on);
  lastChecked = row.dataset.id;
  showSelection();
}

/* --- how rows change ------------------------------------------------------- */
export function setUnread(row, on) {
  row.classList.toggle("unread", on);
  row.toggleAttribute("data-unread", on);
  const button = row.querySelector('[data-test="toggle-read"]');
  if (!button) return;
  button.dataset.action = on ? "read" : "unread";
  button.title = button.title.replace(/^[^(]+/, `${on ? words.mark_read : words.mark_unread} `);
  button.ariaLabel = on ? words.mark_read : words.mark_unread;
  button.querySelector("use")?.setAttribute("href", on ? "#icon-mail-open" : "#icon-mail");
}

export function setStar(row, on) {
  row.toggleAttribute("data-starred", on);
  row.querySelector('[data-action="star"]')?.setAttribute("aria-pressed", on);
}

/** Takes rows out at once; a ghost of each shrinks where it was. Gives what puts them back. */
export function takeOut(gone) {
  const all = rows(), places = gone.map((row) => [row, row.nextElementSibling]);
  const at = all.indexOf(cursorRow());
  const heir = gone.includes(all[at]) ? all.slice(at).find((row) => !gone.includes(row)) ?? all.filter((row) => !gone.includes(row)).at(-1) : null;
  for (const row of gone) {
    if (!calm.matches && row.offsetParent) {
      const ghost = document.createElement("div");
      ghost.className = "row-ghost";
      ghost.style.blockSize = `${row.offsetHeight}px`;
      row.before(ghost);
      requestAnimationFrame(() => requestAnimationFrame(() => { ghost.style.blockSize = "0"; }));
      setTimeout(() => ghost.remove(), 200);
    }
    row.remove();
  }
  if (heir) setCursor(heir);
  showEmpty();
  showSelection();
  return () => {
    for (const [row, next] of places.reverse()) {
      if (next?.isConnected) next.before(row);
      else main.querySelector("[data-rows]")?.append(row);
    }
    showEmpty();
    showSelection();
  };
}

function showEmpty() {
  const empty = main.querySelector("[data-empty]");
  if (empty) empty.hidden = rows().length > 0;
}

/** Puts in what the server says about rows: changed ones in place, new ones where their time belongs. */
export function update({ rows: drawn = [], gone = [], total }) {
  const list = main.querySelector("[data-rows]"), { view: kind, firstPage } = view();
  if (!list) return;
  const body = main.querySelector(".sheet-body"), top = rows().find((row) => row.offsetTop + row.offsetHeight > body.scrollTop);
  const before = top?.offsetTop ?? 0;
  let arrived = [];
  for (const { id, at, html } of drawn) {
    out.delete(String(id));
    const old = rowOf(String(id)), fresh = parse(html).firstElementChild;
    if (old) {
      if (old.classList.contains("checked")) check(fresh, true);
      const wasCursor = old.classList.contains("cursor"), hadFocus = document.activeElement === old;
      const moves = kind === "list" && Number(old.dataset.at) !== at;
      if (!moves) old.replaceWith(fresh);
      else { old.remove(); if (insert(list, fresh, firstPage)) arrived.push(fresh); }
      if (wasCursor) setCursor(fresh, { focus: hadFocus });
    } else if (kind === "list" && insert(list, fresh, firstPage)) arrived.push(fresh);
  }
  if (kind === "list") for (const id of gone) rowOf(String(id))?.remove();
  trim();
  arrived = arrived.filter((row) => row.isConnected);
  for (const row of arrived) row.classList.add("arrived");
  if (body.scrollTop > 0 && top?.isConnected) body.scrollTop += top.offsetTop - before;  // nothing moves under the reader
  showTotal(total);
  showEmpty();
  showSelection();
  return arrived;
}

/** The row before which a new one belongs: newest first, and of two with one time the later conversation. */
function after(fresh) {
  const at = Number(fresh.dataset.at);
  return rows().find((row) => Number(row.dataset.at) < at || (Number(row.dataset.at) === at && Number(row.dataset.id) < Number(fresh.dataset.id))) ?? null;
}

function insert(list, fresh, firstPage) {
  const next = after(fresh), all = rows();
  if (next === all[0] && !firstPage && all.length) return false;  // newer than this page
  if (!next && hasOlder()) return false;  // older than this page
  list.insertBefore(fresh, next);
  return true;
}

function showTotal(total) {
  const range = main.querySelector(".toolbar .pager-range");
  if (total === undefined || !range || view().view !== "list") return;
  range.hidden = total === 0;
  const shown = rows().length, first = Number(range.textContent.replace(/[^0-9–]/g, "").split("–")[0]) || 1;
  const spell = (number) => number.toLocaleString(document.documentElement.lang);
  range.textContent = range.textContent.replace(/^[^–]*–[^\s]*/, `${spell(shown ? Math.max(1, first) : 0)}–${spell(shown ? Math.max(1, first) + shown - 1 : 0)}`).replace(/[\d.,\u00a0\u202f]+$/, spell(total));
}

/** Takes off what is too much for a page, but never what a person is at. */
function trim() {
  for (const row of rows().slice(pageSize())) if (!row.classList.contains("cursor") && !row.classList.contains("checked")) row.remove();
}

const pageSize = () => Number(view().size) || 50;
const hasOlder = () => main.querySelector('[data-test="older"][href]') !== null;

/** Fills the gap at the end of a page after rows have left it. `total` also tells of a first page that grew beyond its size
    since it was drawn, and has no way to the next one yet. Only while catching up: what it adds is as new as the rest. */
export async function fill(total) {
  const { view: kind, firstPage } = view(), shown = rows().length, address = location.href;
  const gap = shown < pageSize() && (hasOlder() || (firstPage && total > shown));
  const grown = firstPage && total > pageSize() && !hasOlder();
  if (kind !== "list" || !(gap || grown)) return;
  const page = parse(await getHtml(address));
  if (address !== location.href) return;
  const list = main.querySelector("[data-rows]");
  for (const fresh of page.querySelectorAll("[data-rows] > .row")) {
    if (!rowOf(fresh.dataset.id) && out.get(fresh.dataset.id) !== view().box) list.insertBefore(fresh, after(fresh));
  }
  trim();
  const pager = page.querySelector(".toolbar .pager");
  if (pager) main.querySelector(".toolbar .pager")?.replaceWith(pager);
}

/* --- commands and views ---------------------------------------------------------- */
for (const kind of Object.keys(KINDS)) commands.set(`select-${kind}`, () => isList() && select(kind));
commands.set("select", () => cursorRow() && toggle(cursorRow()));
commands.set("next-page", () => main.querySelector('[data-test="older"][href]')?.click());
commands.set("previous-page", () => main.querySelector('[data-test="newer"][href]')?.click());

function settle(event) {
  if (!isList()) {
    const { thread, view: kind } = view();
    if (kind === "conversation") cursor = thread;
    return;
  }
  if (event?.detail.restored) for (const [id, box] of out) if (box === view().box) rowOf(id)?.remove();
  const row = cursorRow();
  if (row) setCursor(row);
  else if (rows()[0]) rows()[0].tabIndex = 0;
  for (const each of rows()) each.classList.toggle("checked", boxOf(each).checked);
  showEmpty();
  showSelection();
}
document.addEventListener("mail:view", settle);
document.addEventListener("focusin", (event) => {
  const row = event.target.matches?.("[data-rows] > .row:not(.cursor)") && event.target;
  if (row && row.matches(":focus-visible")) setCursor(row);
});
settle();
