// Lists of conversations: the cursor, the selection, and how rows change. Rows are drawn by the server
// (components/row.html) and put in by `update`; what is done to them is js/actions.js.

import { address, commands, getHtml, isElsewhere, lookAhead, main, parse, say, view, words } from "./client.js";

export const rows = () => [...main.querySelectorAll("[data-rows] > .row")];
export const rowOf = (id) => main.querySelector(`[data-rows] > .row[data-id="${CSS.escape(id)}"]`);
export const lists = () => [...main.querySelectorAll("[data-rows]")];
export const isList = () => ["list", "search"].includes(view().view);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/* --- the cursor: one row that the keys mean ------------------------------- */
let cursor = null;  // the row's id; it survives refreshing and opening

export function cursorRow() {
  return cursor && rowOf(cursor);
}

/** What a row is called, in the order in which it is said: unread, sender, subject, snippet, date, attachments, starred. */
function labelOf(row) {
  const text = (what) => row.querySelector(what)?.textContent.replace(/\s+/g, " ").trim();
  const parts = ["unread" in row.dataset && words.unread, text(".row-from"), text(".row-subject"), text(".row-snippet"), text(".row-date"), text(".row-files .visually-hidden:last-of-type"), "starred" in row.dataset && words.starred];
  row.ariaLabel = parts.filter(Boolean).join(", ");
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
  labelOf(row);
  if (focus) row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  const link = row.querySelector(".row-link:not([data-compose])");
  if (link && focus) lookAhead(link.href);
  document.dispatchEvent(new CustomEvent("mail:cursor", { detail: { row } }));
}

/** The row that takes the place of those that go: the next one that stays, else the last. */
function heirOf(gone) {
  const all = rows(), at = all.indexOf(cursorRow());
  if (at < 0 || !gone.includes(all[at])) return null;
  return all.slice(at).find((row) => !gone.includes(row)) ?? all.filter((row) => !gone.includes(row)).at(-1) ?? null;
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

/** Rows that something is being done to: what the server said of them before is older than what is shown. */
export const pending = new Map();
export const missed = new Set();  // rows whose news came while something was being done to them

export const boxOf = (row) => row.querySelector(".row-check input");
export const checkedRows = () => rows().filter((row) => row.classList.contains("checked"));

/** Whether the selection reaches beyond this page: then what is done goes to everything in the place, or in the search. */
let everything = false;
export const isEverything = () => everything;

function check(row, on) {
  boxOf(row).checked = on;
  row.classList.toggle("checked", on);
  row.setAttribute("aria-selected", on);
}

const FACTS = { unread: ["some-unread", "some-read"], starred: ["some-starred", "some-unstarred"], important: ["some-important", "some-plain"], muted: ["some-muted", "some-heard"] };

export function showSelection() {
  const bar = main.querySelector("[data-toolbar]"), all = rows(), chosen = checkedRows();
  if (!bar || !isList()) return;
  if (everything && chosen.length < all.length) everything = false;
  bar.toggleAttribute("data-selected", chosen.length > 0);
  for (const [fact, [some, other]] of Object.entries(FACTS)) {
    bar.toggleAttribute(`data-${some}`, chosen.some((row) => fact in row.dataset));
    bar.toggleAttribute(`data-${other}`, chosen.some((row) => !(fact in row.dataset)));
  }
  const number = bar.querySelector("[data-selected-number]"), count = bar.querySelector("[data-selected-count]"), every = bar.querySelector("[data-check-all]");
  const shown = everything ? total() === null ? words.all_that_match : spell(total()) : chosen.length;
  if (number) number.textContent = chosen.length ? shown : "";
  if (count) count.textContent = chosen.length ? say("selected", shown) : "";
  if (every) {
    every.checked = chosen.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }
  offerEverything(chosen.length > 0 && chosen.length === all.length, all.length);
}

/** The banner over a page that is selected whole, when there is more than this page. */
function offerEverything(whole, shown) {
  let note = main.querySelector("[data-everything]");
  const more = total() === null || total() > shown;
  if (!whole || !more || "messages" in view()) { note?.remove(); return; }
  if (!note) {
    note = document.createElement("div");
    note.className = "rows-note";
    note.dataset.everything = "";
    note.setAttribute("role", "status");
    lists()[0].before(note);
  }
  const found = view().view === "search", count = total() === null ? "" : spell(total()), place = view().name;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = everything ? words.clear_selection : !count ? words.select_all_that_match : found ? say("select_all_found", count) : say("select_all_in", count, place);
  button.addEventListener("click", () => { if (everything) { select("none"); return; } everything = true; showSelection(); });
  note.replaceChildren(everything ? !count ? words.selected_all_that_match : found ? say("selected_all_found", count) : say("selected_all_in", count, place) : say("selected_page", shown), " ", button);
}

const KINDS = {
  all: () => true,
  none: () => false,
  read: (row) => !("unread" in row.dataset),
  unread: (row) => "unread" in row.dataset,
  starred: (row) => "starred" in row.dataset,
  unstarred: (row) => !("starred" in row.dataset),
};

export function select(kind) {
  everything = false;
  for (const row of rows()) check(row, KINDS[kind](row));
  lastChecked = null;
  showSelection();
}

/** Selects a row or clears it; with `range` all rows from the one touched before. */
export function toggle(row, { range = false } = {}) {
  everything = false;
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
  if (row.ariaLabel) labelOf(row);
  const button = row.querySelector('[data-test="toggle-read"]');
  if (!button) return;
  button.dataset.action = on ? "read" : "unread";
  button.title = button.title.replace(/^[^(]+/, `${on ? words.mark_read : words.mark_unread} `);
  button.ariaLabel = on ? words.mark_read : words.mark_unread;
  button.querySelector("use")?.setAttribute("href", on ? "#icon-mail-open" : "#icon-mail");
}

export function setStar(row, on) {
  row.toggleAttribute("data-starred", on);
  if (row.ariaLabel) labelOf(row);
  row.querySelector('[data-action="star"]')?.setAttribute("aria-pressed", on);
}

export function setFact(row, fact, on) {
  row.toggleAttribute(`data-${fact}`, on);
}

/** Takes rows out at once; a ghost of each shrinks where it was. Gives what puts them back. */
export function takeOut(gone) {
  const places = gone.map((row) => [row, row.parentElement, row.nextElementSibling]), heir = heirOf(gone);
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
    for (const [row, list, next] of places.reverse()) {
      if (next?.isConnected) next.before(row);
      else (list.isConnected ? list : lists()[0])?.append(row);
    }
    showEmpty();
    showSelection();
  };
}

/** Which row of all this is: rows that come live do not know it, and those below them are one further on. */
function number(list) {
  const first = (list === lists().at(-1) && Number(range()?.dataset.first)) || 1;
  rowsIn(list).forEach((row, at) => row.setAttribute("aria-rowindex", first + at));
}

function showEmpty() {
  const empty = main.querySelector("[data-empty]");
  if (empty) empty.hidden = rows().length > 0;
  for (const list of lists()) {
    const title = list.previousElementSibling?.matches("[data-section-title]") && list.previousElementSibling;
    if (title) title.hidden = !list.querySelector(":scope > .row") || (lists().length > 1 && rows().length === 0);
    number(list);
  }
}

/** Where a row belongs among sections: "Unread" and the rest, or the one list there is. */
const home = (row) => lists().find((list) => !list.dataset.section || KINDS[list.dataset.section]?.(row));

/** Puts in what the server says about rows: changed ones in place, new ones where their time belongs. */
export function update({ rows: drawn = [], gone = [], total: count }) {
  const { view: kind, firstPage } = view();
  if (!lists().length) return;
  const body = main.querySelector(".sheet-body"), top = rows().find((row) => row.offsetTop + row.offsetHeight > body.scrollTop);
  const before = top?.offsetTop ?? 0;
  let arrived = [];
  for (const { id, at, html } of drawn) {
    out.delete(String(id));
    if (pending.get(String(id))) { missed.add(String(id)); continue; }  // it is told again when that is done
    const old = rowOf(String(id)), fresh = parse(html).firstElementChild;
    if (old) {
      if (old.classList.contains("checked")) check(fresh, true);
      const wasCursor = old.classList.contains("cursor"), hadFocus = document.activeElement === old;
      const moves = kind === "list" && Number(old.dataset.at) !== at;
      if (!moves) old.replaceWith(fresh);
      else { old.remove(); if (insert(fresh, firstPage)) arrived.push(fresh); }
      if (wasCursor) setCursor(fresh, { focus: hadFocus });
    } else if (kind === "list" && insert(fresh, firstPage)) arrived.push(fresh);
  }
  if (kind === "list") {
    const going = gone.map((id) => rowOf(String(id))).filter(Boolean), heir = heirOf(going);
    const hadFocus = going.includes(document.activeElement);
    for (const row of going) row.remove();
    if (heir) setCursor(heir, { focus: hadFocus });
  }
  trim();
  arrived = arrived.filter((row) => row.isConnected);
  for (const row of arrived) row.classList.add("arrived");
  if (body.scrollTop > 0 && top?.isConnected) body.scrollTop += top.offsetTop - before;  // nothing moves under the reader
  showTotal(count);
  showEmpty();
  showSelection();
  return arrived;
}

/** The row before which a new one belongs: newest first, and of two with one time the later conversation. */
function after(fresh, list) {
  const at = Number(fresh.dataset.at);
  return [...list.querySelectorAll(":scope > .row")].find((row) => Number(row.dataset.at) < at || (Number(row.dataset.at) === at && Number(row.dataset.id) < Number(fresh.dataset.id))) ?? null;
}

function insert(fresh, firstPage) {
  const list = home(fresh);
  if (!list) return false;  // this page shows another section
  const next = after(fresh, list), first = list.querySelector(":scope > .row");
  if (next === first && !firstPage && first) return false;  // newer than this page
  if (!next && hasOlder(list)) return false;  // older than this page
  list.insertBefore(fresh, next);
  return true;
}

const spell = (number) => Number(number).toLocaleString(document.documentElement.lang);
const range = () => main.querySelector(".toolbar .pager-range");

/** How many there are in the place or the search; null where they were not counted. */
export function total() {
  const counts = [...main.querySelectorAll("[data-rows][data-total]")].map((list) => Number(list.dataset.total));
  const { total: known = "" } = range()?.dataset ?? {};
  return known === "" ? null : Number(known) + counts.reduce((sum, count) => sum + count, 0);
}

function showTotal(count) {
  const text = range();
  if (count === undefined || !text || view().view !== "list" || lists().length > 1 || lists()[0].dataset.section) return;
  const shown = rows().length, first = shown ? Math.max(1, Number(text.dataset.first)) : 0;
  text.hidden = count === 0;
  Object.assign(text.dataset, { first, last: shown ? first + shown - 1 : 0, total: count });
  lists()[0].setAttribute("aria-rowcount", count);
  text.textContent = say("range", spell(first), spell(text.dataset.last), spell(count));
}

const pageSize = (list) => Number(list?.dataset.size) || Number(view().size) || 50;
const rowsIn = (list) => [...list.querySelectorAll(":scope > .row")];
const hasOlder = (list) => (list && list !== lists().at(-1) ? "more" in list.dataset : main.querySelector('[data-test="older"][href]') !== null);

/** Takes off what is too much for a page, but never what a person is at. */
function trim() {
  for (const list of lists()) for (const row of rowsIn(list).slice(pageSize(list))) if (!row.classList.contains("cursor") && !row.classList.contains("checked")) row.remove();
}

/** Fills the gap at the end of a page after rows have left it. `count` also tells of a first page that grew beyond its size
    since it was drawn, and has no way to the next one yet. Only while catching up: what it adds is as new as the rest. */
export async function fill(count) {
  const { view: kind, firstPage } = view(), all = lists(), only = all.length === 1 && !all[0].dataset.section;
  if (kind !== "list") return;
  const gap = all.some((list) => rowsIn(list).length < pageSize(list) && (hasOlder(list) || (only && firstPage && count > rowsIn(list).length)));
  const grown = only && firstPage && count > pageSize(all[0]) && !hasOlder(all[0]);
  if (!gap && !grown && (only || count === lastCount)) return;
  lastCount = count;
  await fetchPage((fresh, list) => { if (!rowOf(fresh.dataset.id) && out.get(fresh.dataset.id) !== view().box) list.insertBefore(fresh, after(fresh, list)); });
}
let lastCount = 0;

/** Shows the page as it is now: for changes that are too many to be told one by one. */
export async function renew() {
  const stay = new Set();
  await fetchPage((fresh, list) => {
    const old = rowOf(fresh.dataset.id);
    if (out.get(fresh.dataset.id) === view().box) return;
    stay.add(fresh);
    if (old?.classList.contains("checked")) check(fresh, true);
    list.append(fresh);
    if (!old) return;
    if (old.classList.contains("cursor")) fresh.classList.add("cursor");
    if (old === document.activeElement) { fresh.tabIndex = 0; fresh.focus({ preventScroll: true }); }
    old.remove();
  }, () => {
    const going = rows().filter((row) => !stay.has(row)), heir = heirOf(going);
    for (const row of going) row.remove();
    const row = heir ?? cursorRow();
    if (row) setCursor(row, { focus: false });
  });
}

async function fetchPage(put, done = () => {}) {
  const shown = document.getElementById("view");
  const page = parse(await getHtml(address()));
  if (shown !== document.getElementById("view")) return;
  const from = [...page.querySelectorAll("[data-rows]")];
  lists().forEach((list, at) => {
    for (const fresh of from[at]?.querySelectorAll(":scope > .row") ?? []) put(fresh, list);
    if (from[at]) { list.toggleAttribute("data-more", "more" in from[at].dataset); if (from[at].dataset.total) list.dataset.total = from[at].dataset.total; }
  });
  done();
  trim();
  const pager = page.querySelector(".toolbar .pager");
  if (pager && !main.querySelector("#pager-menu:popover-open")) main.querySelector(".toolbar .pager")?.replaceWith(pager);
  showEmpty();
  showSelection();
}

/* --- commands and views ---------------------------------------------------------- */
for (const kind of Object.keys(KINDS)) commands.set(`select-${kind}`, () => isList() && select(kind));
commands.set("select", () => cursorRow() && toggle(cursorRow()));
commands.set("next-section", () => toSection(1));
commands.set("previous-section", () => toSection(-1));
commands.set("next-page", () => main.querySelector('[data-test="older"][href]')?.click());
commands.set("previous-page", () => main.querySelector('[data-test="newer"][href]')?.click());

function toSection(step) {
  const all = lists().filter((list) => rowsIn(list).length), now = all.findIndex((list) => list.contains(cursorRow()));
  const to = all[now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step];
  if (to) setCursor(rowsIn(to)[0]);
}

function settle(event) {
  everything = false;
  if (!isList()) {
    const { thread, view: kind } = view();
    if (kind === "conversation") cursor = thread;
    return;
  }
  if (event?.detail.restored) for (const [id, box] of out) if (box === view().box) rowOf(id)?.remove();
  const row = cursorRow();
  // Who has gone on to a field, a menu or a letter meanwhile keeps it: what is typed there must never be keys here.
  if (row) setCursor(row, { focus: !isElsewhere() });
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
