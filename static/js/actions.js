// What is done to conversations: verbs, undo, clicks in rows, the menus that move and label, dragging. What a person
// does shows at once; the server is told after, and if it refuses, the rows come back with its reason.

import { openMenuAt } from "./components.js";
import { commands, forgetAhead, go, main, post, say, up, view, words } from "./client.js";
import { boxOf, checkedRows, cursorRow, isList, moveCursor, out, rowOf, select, setCursor, setStar, setUnread, showSelection, takeOut, toggle } from "./list.js";
import { toast } from "./toast.js";

/* --- verbs ------------------------------------------------------------------ */
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
    ids.forEach((id) => out.set(id, view().box));
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
    else if (going) document.dispatchEvent(new CustomEvent("mail:stale"));  // what is new, and what moves up
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

/* --- commands -------------------------------------------------------- */
for (const [name, run] of Object.entries({
  older: () => (isList() ? moveCursor(1) : view().older && go(view().older, { replace: true })),
  newer: () => (isList() ? moveCursor(-1) : view().newer && go(view().newer, { replace: true })),
  open: () => cursorRow()?.querySelector(".row-link").click(),
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
})) commands.set(name, run);
