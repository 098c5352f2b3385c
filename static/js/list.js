// Lists of conversations, and everything that is done to conversations: cursor, selection, verbs, undo, menus to
// move and label, dragging. What a person does shows at once; the server is told after, and if it refuses, the rows
// come back with its reason. Rows from the server are drawn by components/row.html and put in by `update`.

import { openMenuAt } from "./components.js";
import { commands, forgetAhead, getHtml, go, lookAhead, main, markCurrent, parse, post, say, up, view, words } from "./client.js";
import { toast } from "./toast.js";

export const rows = () => [...main.querySelectorAll("[data-rows] > .row")];
export const rowOf = (id) => main.querySelector(`[data-rows] > .row[data-id="${CSS.escape(id)}"]`);
const isList = () => ["list", "search"].includes(view().view);
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

function moveCursor(step) {
  const all = rows(), now = all.indexOf(cursorRow());
  const next = now < 0 ? all[0] : all[now + step];
  if (next) setCursor(next);
}

/* --- the selection --------------------------------------------------------- */
let lastChecked = null;

const boxOf = (row) => row.querySelector(".row-check input");
export const checkedRows = () => rows().filter((row) => row.classList.contains("checked"));

function check(row, on) {
  boxOf(row).checked = on;
  row.classList.toggle("checked", on);
  row.setAttribute("aria-selected", on);
}

function showSelection() {
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

const KINDS = {
  all: () => true,
  none: () => false,
  read: (row) => !("unread" in row.dataset),
  unread: (row) => "unread" in row.dataset,
  starred: (row) => "starred" in row.dataset,
  unstarred: (row) => !("starred" in row.dataset),
};

function select(kind) {
  for (const row of rows()) check(row, KINDS[kind](row));
  showSelection();
}

function toggle(row, { range = false } = {}) {
  const on = !row.classList.contains("checked"), all = rows();
  const from = range && lastChecked ? all.indexOf(rowOf(lastChecked)) : -1, to = all.indexOf(row);
  for (const each of from < 0 ? [row] : all.slice(Math.min(from, to), Math.max(from, to) + 1)) check(each, on);
  lastChecked = row.dataset.id;
  showSelection();
}

/* --- how rows change ------------------------------------------------------- */
function setUnread(row, on) {
  row.classList.toggle("unread", on);
  row.toggleAttribute("data-unread", on);
  const button = row.querySelector('[data-test="toggle-read"]');
  if (!button) return;
  button.dataset.action = on ? "read" : "unread";
  button.title = button.title.replace(/^[^(]+/, `${on ? words.mark_read : words.mark_unread} `);
  button.ariaLabel = on ? words.mark_read : words.mark_unread;
  button.querySelector("use")?.setAttribute("href", on ? "#icon-mail-open" : "#icon-mail");
}

function setStar(row, on) {
  row.toggleAttribute("data-starred", on);
  row.querySelector('[data-action="star"]')?.setAttribute("aria-pressed", on);
}

/** Takes rows out at once; a ghost of each shrinks where it was. Gives what puts them back. */
function takeOut(gone) {
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
  const list = main.querySelector("[data-rows]"), { view: kind, firstPage, size } = view();
  if (!list) return;
  const body = main.querySelector(".sheet-body"), top = rows().find((row) => row.offsetTop + row.offsetHeight > body.scrollTop);
  const before = top?.offsetTop ?? 0;
  let arrived = [];
  for (const { id, at, html } of drawn) {
    const old = rowOf(String(id)), fresh = parse(html).firstElementChild;
    if (old) {
      if (old.classList.contains("checked")) check(fresh, true);
      const wasCursor = old.classList.contains("cursor"), hadFocus = document.activeElement === old;
      const moves = kind === "list" && Number(old.dataset.at) !== at;
      if (!moves) old.replaceWith(fresh);
      else { old.remove(); if (insert(list, fresh, at, firstPage)) arrived.push(fresh); }
      if (wasCursor) setCursor(fresh, { focus: hadFocus });
    } else if (kind === "list" && insert(list, fresh, at, firstPage)) arrived.push(fresh);
  }
  if (kind === "list") for (const id of gone) rowOf(String(id))?.remove();
  const extra = rows().slice(Number(size) || 100);
  for (const row of extra) if (!row.classList.contains("cursor") && !row.classList.contains("checked")) row.remove();
  arrived = arrived.filter((row) => row.isConnected);
  for (const row of arrived) row.classList.add("arrived");
  if (body.scrollTop > 0 && top?.isConnected) body.scrollTop += top.offsetTop - before;  // nothing moves under the reader
  showTotal(total);
  showEmpty();
  showSelection();
  return arrived;
}

function insert(list, fresh, at, firstPage) {
  const next = rows().find((row) => Number(row.dataset.at) < at || (Number(row.dataset.at) === at && Number(row.dataset.id) < Number(fresh.dataset.id)));
  const all = rows();
  if (next === all[0] && !firstPage && all.length) return false;  // newer than this page
  if (!next && main.querySelector('[data-test="older"][href]')) return false;  // older than this page
  if (next) next.before(fresh);
  else list.append(fresh);
  return true;
}

function showTotal(total) {
  const range = main.querySelector(".toolbar .pager-range");
  if (total === undefined || !range || view().view !== "list") return;
  const shown = rows().length, first = Number(range.textContent.replace(/[^0-9–]/g, "").split("–")[0]) || 1;
  const spell = (number) => number.toLocaleString(document.documentElement.lang);
  range.textContent = range.textContent.replace(/^[^–]*–[^\s]*/, `${spell(shown ? Math.max(1, first) : 0)}–${spell(shown ? Math.max(1, first) + shown - 1 : 0)}`).replace(/[\d.,\u00a0\u202f]+$/, spell(total));
}

/** Fills the gap at the end of a page after rows have left it. */
async function fill() {
  const size = Number(view().size) || 50, address = location.href;
  if (view().view !== "list" || rows().length >= size || !main.querySelector('[data-test="older"][href]')) return;
  const page = parse(await getHtml(address));
  if (address !== location.href) return;
  const list = main.querySelector("[data-rows]");
  for (const fresh of page.querySelectorAll("[data-rows] > .row")) if (!rowOf(fresh.dataset.id) && !out.has(fresh.dataset.id)) list.append(fresh);
  const pager = page.querySelector(".toolbar .pager");
  if (pager) main.querySelector(".toolbar .pager")?.replaceWith(pager);
}

/* --- verbs ------------------------------------------------------------------ */
const out = new Set();  // conversations that were sent away and whose rows must not be seen again
let undoable = null;

function leaves(verb, fields) {
  const { box, boxId, view: kind } = view();
  switch (verb) {
    case "archive": return box === "inbox" && kind !== "search";
    case "delete": return box !== "trash";
    case "junk": return box !== "spam" && box !== "sent";
    case "unjunk": return box === "spam";
    case "delete-forever": return box === "trash" || box === "spam";
    case "move": return Number(boxId) > 0 && fields.target !== boxId;
    case "unlabel": return fields.target === boxId;
    case "unstar": return box === "starred" && kind !== "search";
    default: return false;
  }
}

/** Does a verb to conversations, by id. Gives true when the server did it. */
export async function act(verb, ids, fields = {}) {
  if (!ids.length) return false;
  const inConversation = view().view === "conversation", going = leaves(verb, fields);
  const affected = ids.map(rowOf).filter(Boolean);
  let putBack = () => {};
  if (going) {
    putBack = takeOut(affected);
    ids.forEach((id) => out.add(id));
  } else {
    const was = affected.map((row) => [row, "unread" in row.dataset, "starred" in row.dataset]);
    for (const row of affected) {
      if (verb === "read" || verb === "unread") setUnread(row, verb === "unread");
      if (verb === "star" || verb === "unstar") setStar(row, verb === "star");
    }
    putBack = () => was.forEach(([row, unread, star]) => { setUnread(row, unread); setStar(row, star); });
    if (["archive", "move", "label", "unlabel"].includes(verb)) select("none");
    showSelection();
  }
  forgetAhead();
  const body = new URLSearchParams({ box: view().box ?? "all", ...fields });
  for (const id of ids) body.append("ids", id);
  try {
    const said = await post(`/mail/actions/${verb}/`, body);
    tell(said, verb);
    if (inConversation) afterInConversation(verb, going);
    else if (going) fill().catch(() => {});
    return true;
  } catch (problem) {
    ids.forEach((id) => out.delete(id));
    putBack();
    toast(problem.message, { actions: [{ text: words.retry, run: () => act(verb, ids, fields) }] });
    return false;
  }
}

function tell(said, name) {
  undoable = said.action ?? null;
  toast(said.text, { name, actions: said.action ? [{ text: words.undo, run: undo }] : [] });
}

/** Notes what "z" would take back. */
export const remember = (action) => { undoable = action ?? null; };

export async function undo() {
  if (!undoable) { toast(words.nothing_to_undo); return; }
  const action = undoable;
  undoable = null;
  out.clear();
  try {
    const said = await post("/mail/actions/undo/", { action, box: view().box ?? "all" });
    toast(said.text, { name: "undone" });
    document.dispatchEvent(new CustomEvent("mail:stale"));
  } catch (problem) {
    toast(problem.message);
  }
}

function afterInConversation(verb, going) {
  if (verb === "unread") { up(); return; }
  if (!going && !["archive", "junk", "delete", "move"].includes(verb)) { document.dispatchEvent(new CustomEvent("mail:stale")); return; }
  const { older, newer } = view(), after = nextWay ?? document.body.dataset.after;
  nextWay = null;
  const target = { older, newer }[after];
  if (target) go(target, { replace: true });
  else up();
}
let nextWay = null;

/** What the keys and buttons mean now: the selection, else the cursor, else the open conversation. */
export function meant() {
  if (view().view === "conversation") return [view().thread];
  const chosen = checkedRows();
  const row = cursorRow();
  return (chosen.length ? chosen : row ? [row] : []).map((each) => each.dataset.id);
}

export function actMeant(verb, fields) {
  return act(verb, meant(), fields);
}

function toggleStar() {
  if (view().view === "conversation") { main.querySelector('[data-toolbar] [value$="star"]')?.click(); return; }
  const found = meant().map(rowOf);
  if (found.length) act(found.every((row) => "starred" in row.dataset) ? "unstar" : "star", found.map((row) => row.dataset.id));
}

async function confirmed(text, button) {
  const dialog = document.getElementById("confirm"), yes = dialog.querySelector("[data-confirm-yes]");
  dialog.querySelector("[data-confirm-words]").textContent = text;
  yes.textContent = button;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const agree = () => dialog.close("yes");
    yes.addEventListener("click", agree);
    dialog.addEventListener("close", () => { yes.removeEventListener("click", agree); resolve(dialog.returnValue === "yes"); }, { once: true });
  });
}
export { confirmed };

/* Every tool is a button of the form #acting: a plain form without scripts, one verb with them. */
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (form.id !== "acting" || !button) return;
  event.preventDefault();
  button.closest(".menu")?.hidePopover();
  const named = button.getAttribute("formaction")?.match(/\/actions\/([\w-]+)\//)?.[1];
  let verb = named ?? button.value;
  const fields = named ? { [button.name]: button.value } : {};
  if (verb === "label" && button.getAttribute("aria-checked") === "true") verb = "unlabel";
  if (button.dataset.confirmText && !(await confirmed(button.dataset.confirmText, button.dataset.confirmButton))) return;
  if (verb === "empty") {
    try {
      tell(await post("/mail/actions/empty/", { box: view().box }), verb);
      go(location.href, { replace: true });
    } catch (problem) { toast(problem.message); }
    return;
  }
  const ids = [...new FormData(form).getAll("ids")];
  const done = await act(verb, ids.length ? ids : meant(), fields);
  if (done && button.matches(".star[aria-pressed]")) {
    const on = verb === "star";
    button.setAttribute("aria-pressed", on);
    button.value = on ? "unstar" : "star";
  }
});

/* --- clicks in rows --------------------------------------------------------- */
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-rows] > .row");
  if (event.target.closest?.("[data-select]:not(.row-avatar)")) { select(event.target.closest("[data-select]").dataset.select); return; }
  if (event.target.matches?.("[data-check-all]")) { select(event.target.checked ? "all" : "none"); return; }
  if (!row) return;
  const button = event.target.closest("[data-action]"), id = row.dataset.id;
  if (event.target.closest(".row-check") || event.target.closest(".row-avatar")) {
    const box = boxOf(row);
    if (event.target === box) box.checked = row.classList.contains("checked");
    toggle(row, { range: event.shiftKey });
    if (event.target === box) queueMicrotask(() => { box.checked = row.classList.contains("checked"); });
    else event.preventDefault();
  } else if (button) {
    event.preventDefault();
    const verb = button.dataset.action === "star" ? ("starred" in row.dataset ? "unstar" : "star") : button.dataset.action;
    act(verb === "delete" && ["trash", "spam"].includes(view().box) ? "delete-forever" : verb, [id]);
  } else {
    setCursor(row, { focus: false });
  }
});

document.addEventListener("change", (event) => {
  const row = event.target.matches?.(".row-check input") && event.target.closest(".row");
  if (row) { row.classList.toggle("checked", event.target.checked); row.setAttribute("aria-selected", event.target.checked); showSelection(); }
});

document.addEventListener("contextmenu", (event) => {
  const row = event.target.closest?.("[data-rows] > .row"), menu = document.getElementById("row-menu");
  if (!row || !menu || event.shiftKey) return;
  event.preventDefault();
  setCursor(row);
  if (!row.classList.contains("checked")) select("none");
  const show = () => openMenuAt(menu, event.clientX, event.clientY);
  if (event.buttons) addEventListener("pointerup", () => setTimeout(show), { once: true });  // letting go would close it
  else show();
});

document.addEventListener("click", (event) => {
  const what = event.target.closest?.("[data-row-do]")?.dataset.rowDo;
  if (!what) return;
  const found = meant(), row = found.length && rowOf(found[0]);
  if (!row) return;
  if (what === "tab") open(row.querySelector(".row-link").href, "_blank", "noopener");
  else if (what === "move" || what === "label") openChooser(what);
  else if (what === "star") toggleStar();
  else act(what === "toggle-read" ? ("unread" in row.dataset ? "read" : "unread") : what, found);
});

/* --- choosing where to, and which label -------------------------------------- */
export function openChooser(kind) {
  if (!meant().length) return;
  const menu = document.getElementById(`${kind}-menu`);
  const opener = main.querySelector(`[popovertarget="${kind}-menu"]`);
  if (menu?.matches(":popover-open")) return;
  if (opener?.offsetParent) opener.click();
  else {
    const row = cursorRow()?.getBoundingClientRect() ?? main.getBoundingClientRect();
    openMenuAt(menu, row.left + 48, row.bottom);
  }
  menu.querySelector("[data-filter]").focus();  // at once: the next key belongs to it
}

document.addEventListener("beforetoggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("[data-chooser]") || event.newState !== "open") return;
  const field = menu.querySelector("[data-filter]");
  field.value = "";
  filter(menu, "");
  if (menu.dataset.chooser !== "label") return;
  const conversation = view().view === "conversation";
  const sets = conversation ? [new Set(view().boxes?.split(" "))] : meant().map((id) => new Set(rowOf(id)?.dataset.boxes?.split(" ")));
  for (const item of menu.querySelectorAll('[name="target"]')) {
    const having = sets.filter((set) => set.has(item.value)).length;
    item.setAttribute("aria-checked", having === 0 ? "false" : having === sets.length ? "true" : "mixed");
  }
}, true);

function filter(menu, text) {
  const wanted = text.trim().toLocaleLowerCase();
  let exact = false;
  for (const item of menu.querySelectorAll('[name="target"]')) {
    const name = item.dataset.name.toLocaleLowerCase();
    item.hidden = !name.includes(wanted);
    exact ||= name === wanted;
  }
  const make = menu.querySelector("[data-make]");
  make.hidden = !wanted || exact;
  make.value = text.trim();
  make.querySelector("[data-make-name]").textContent = text.trim();
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-filter]")) filter(event.target.closest(".menu"), event.target.value);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.("[data-filter]")) return;
  event.preventDefault();
  [...event.target.closest(".menu").querySelectorAll("button.menu-item")].find((item) => !item.hidden)?.click();
});

/* --- dragging rows onto places, labels onto rows ----------------------------- */
const CONVERSATIONS = "application/x-mailstead-conversations", LABEL = "application/x-mailstead-label";
const DROPS = /^(inbox|archive|spam|trash|starred|label\/.+)$/;
let dragged = [];

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.("[data-rows] > .row"), label = event.target.closest?.("[data-labels] .nav-item");
  if (row) {
    dragged = (row.classList.contains("checked") ? checkedRows() : [row]).map((each) => each.dataset.id);
    event.dataTransfer.setData(CONVERSATIONS, dragged.join(","));
    event.dataTransfer.effectAllowed = "move";
    const picture = document.createElement("div");
    picture.className = "drag-picture";
    picture.textContent = dragged.length === 1 ? words.move_one : say("move_many", dragged.length);
    document.body.append(picture);
    event.dataTransfer.setDragImage(picture, -12, 12);
    setTimeout(() => picture.remove());
    for (const id of dragged) rowOf(id)?.classList.add("dragged");
  } else if (label) {
    event.dataTransfer.setData(LABEL, label.dataset.nav);
    event.dataTransfer.effectAllowed = "copy";
  }
});

function dropTarget(event) {
  const types = event.dataTransfer.types;
  if (types.includes(CONVERSATIONS)) {
    const place = event.target.closest?.(".sidebar [data-nav]");
    return place && DROPS.test(place.dataset.nav) && place.dataset.nav !== view().box ? place : null;
  }
  return types.includes(LABEL) ? event.target.closest?.("[data-rows] > .row") : null;
}

document.addEventListener("dragover", (event) => {
  const target = dropTarget(event);
  for (const old of document.querySelectorAll(".drop-target")) if (old !== target) old.classList.remove("drop-target");
  if (!target) return;
  event.preventDefault();
  target.classList.add("drop-target");
});

document.addEventListener("drop", (event) => {
  const target = dropTarget(event);
  if (!target) return;
  event.preventDefault();
  if (target.dataset.nav) {
    const place = target.dataset.nav;
    act({ starred: "star", trash: "delete", spam: "junk" }[place] ?? "move", dragged, { target: place });
  } else act("label", target.classList.contains("checked") ? checkedRows().map((row) => row.dataset.id) : [target.dataset.id], { target: event.dataTransfer.getData(LABEL) });
});

document.addEventListener("dragend", () => {
  for (const old of document.querySelectorAll(".drop-target, .dragged")) old.classList.remove("drop-target", "dragged");
});

/* --- labels of the left column ----------------------------------------------- */
const dialog = document.getElementById("label-dialog");
let labelNow = null;

function openLabelDialog({ id = "", name = "", hue = "5", title }) {
  const form = dialog.querySelector("form");
  form.action = id ? `/mail/labels/${id}/` : "/mail/labels/";
  dialog.querySelector("h2").textContent = title;
  form.elements.name.value = name;
  form.elements.colour.value = hue;
  dialog.querySelector("[data-label-error]").hidden = true;
  dialog.showModal();
  form.elements.name.focus();
  form.elements.name.setSelectionRange(name.length, name.length);
}

document.addEventListener("click", async (event) => {
  if (event.target.closest?.("[data-label-new]")) openLabelDialog({ title: words.new_label });
  const opener = event.target.closest?.("[data-label-menu]");
  if (opener) {
    labelNow = { id: opener.dataset.labelMenu, name: opener.dataset.labelName, hue: opener.dataset.labelHue };
    const at = opener.getBoundingClientRect();
    openMenuAt(document.getElementById("label-actions"), at.left, at.bottom);
  }
  const what = event.target.closest?.("[data-label-do]")?.dataset.labelDo;
  if (what === "change") openLabelDialog({ ...labelNow, title: words.change_label });
  if (what === "below") openLabelDialog({ name: `${labelNow.name}/`, hue: labelNow.hue, title: words.new_label });
  if (what === "remove" && (await confirmed(say("remove_label", labelNow.name), words.remove_label_button))) {
    saveLabel(`/mail/labels/${labelNow.id}/remove/`, {});
  }
});

async function saveLabel(url, fields) {
  const said = await post(url, fields);
  if (said.action) undoable = said.action;
  await refreshSidebar();
  toast(said.text, { actions: said.action ? [{ text: words.undo, run: () => undo().then(refreshSidebar) }] : [] });
  if (url.endsWith("/remove/") && view().box?.startsWith("label/")) go(said.url);
  return said;
}

async function refreshSidebar() {
  const page = new DOMParser().parseFromString(await getHtml(location.href, { how: "" }), "text/html");
  const fresh = page.getElementById("sidebar");
  if (fresh) document.getElementById("sidebar").replaceChildren(...fresh.childNodes);
  markCurrent();
}

dialog?.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = dialog.querySelector("[data-label-error]");
  try {
    await saveLabel(event.target.action, new FormData(event.target));
    dialog.close();
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
});

/* --- commands and views -------------------------------------------------------- */
for (const [name, run] of Object.entries({
  older: () => (isList() ? moveCursor(1) : view().older && go(view().older, { replace: true })),
  newer: () => (isList() ? moveCursor(-1) : view().newer && go(view().newer, { replace: true })),
  open: () => cursorRow()?.querySelector(".row-link").click(),
  select: () => cursorRow() && toggle(cursorRow()),
  star: toggleStar,
  archive: () => actMeant("archive"),
  delete: () => (["trash", "spam"].includes(view().box) ? main.querySelector('[data-toolbar] [value="delete-forever"]')?.click() : actMeant("delete")),
  junk: () => actMeant(view().box === "spam" ? "unjunk" : "junk"),
  read: () => actMeant("read"),
  unread: () => actMeant("unread"),
  move: () => openChooser("move"),
  label: () => openChooser("label"),
  undo,
  "archive-older": () => { nextWay = "older"; actMeant("archive"); },
  "archive-newer": () => { nextWay = "newer"; actMeant("archive"); },
  "next-page": () => main.querySelector('[data-test="older"][href]')?.click(),
  "previous-page": () => main.querySelector('[data-test="newer"][href]')?.click(),
  ...Object.fromEntries(Object.keys(KINDS).map((kind) => [`select-${kind}`, () => isList() && select(kind)])),
})) commands.set(name, run);

function settle() {
  if (!isList()) {
    const { thread, view: kind } = view();
    if (kind === "conversation") cursor = thread;
    return;
  }
  for (const id of out) if (view().box !== "all") rowOf(id)?.remove();
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
