// Labels of the left column: made, renamed, coloured, shown and hidden, folded, removed. js/client.js loads it when one
// of their buttons is clicked first, and hands every such click to `click`.

import { openMenuAt, remember as keep } from "./components.js";
import { address, getHtml, go, markCurrent, post, say, view, words } from "./client.js";
import { confirmed, remember, undo } from "./actions.js";
import { toast } from "./toast.js";

const dialog = document.getElementById("label-dialog");
const menu = document.getElementById("label-actions");
let labelNow = null;

const CLICKS = {
  labelNew: () => openLabelDialog({ title: words.new_label }),
  labelMenu: openMenu,
  labelDo: (element) => ({ change, below, remove })[element.dataset.labelDo]?.(),
  labelColour: (element) => save(`/mail/labels/${labelNow.id}/`, { colour: element.dataset.labelColour }),
  labelList: (element) => save(`/mail/labels/${labelNow.id}/looks/`, { list: element.dataset.labelList }),
  labelRows: (element) => save(`/mail/labels/${labelNow.id}/looks/`, { rows: element.dataset.labelRows }).then(() => go(address(), { replace: true })),
  twist,
};

export function click(element) {
  // A ⋮ button carries its label's looks, too: what it is comes first.
  for (const [name, run] of Object.entries(CLICKS)) if (name in element.dataset) { run(element); return; }
}

/* --- the menu of one label ------------------------------------------------------------- */
function openMenu(opener) {
  const { labelMenu: id, labelName: name, labelHue: hue, labelList: list, labelRows: rows } = opener.dataset;
  labelNow = { id, name, hue };
  for (const [attribute, value] of [["data-label-colour", hue], ["data-label-list", list], ["data-label-rows", rows]]) {
    for (const item of menu.querySelectorAll(`[${attribute}]`)) item.setAttribute("aria-checked", item.getAttribute(attribute) === value);
  }
  const at = opener.getBoundingClientRect();
  openMenuAt(menu, at.left, at.bottom);
  menu.addEventListener("toggle", ({ newState }) => { if (newState === "closed" && document.activeElement === document.body) opener.focus(); }, { once: true });
}

const change = () => openLabelDialog({ ...labelNow, title: words.change_label });
const below = () => openLabelDialog({ name: `${labelNow.name}/`, hue: labelNow.hue, title: words.new_label });
async function remove() {
  if (await confirmed(say("remove_label", labelNow.name), words.remove_label_button)) save(`/mail/labels/${labelNow.id}/remove/`, {});
}

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

/* --- saving ------------------------------------------------------------------------------ */
async function saveLabel(url, fields) {
  const said = await post(url, fields);
  if (said.action) remember(said.action);
  await refreshSidebar();
  toast(said.text, { actions: said.action ? [{ text: words.undo, run: () => undo().then(refreshSidebar) }] : [] });
  if (url.endsWith("/remove/") && view().box?.startsWith("label/")) go(said.url);
  return said;
}

async function save(url, fields) {
  if (menu.matches(":popover-open")) menu.hidePopover();
  try { await saveLabel(url, fields); } catch (problem) { toast(problem); }
}

/** Where a label is shown, from its line in the settings. */
export const saveLook = (form) => save(form.action, new FormData(form));

export async function refreshSidebar() {
  const page = new DOMParser().parseFromString(await getHtml("/mail/settings/", { how: "page" }), "text/html");
  const column = document.getElementById("sidebar"), fresh = page.getElementById("sidebar");
  if (!fresh) return;
  const open = [...column.querySelectorAll("details[open]")].map((each) => each.dataset.keptOpen);
  for (const each of fresh.querySelectorAll("details")) each.open ||= open.includes(each.dataset.keptOpen);
  column.replaceChildren(...fresh.childNodes);
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

/* --- folding sublabels away: kept in this browser, and drawn so by the server -------------- */
function twist(button) {
  button.setAttribute("aria-expanded", button.getAttribute("aria-expanded") !== "true");
  const column = document.querySelector("[data-labels]"), folded = [...column.querySelectorAll('[data-twist][aria-expanded="false"]')];
  const paths = folded.map((each) => `${each.closest("[data-path]").dataset.path}/`);
  for (const row of column.querySelectorAll("[data-path]")) row.hidden = paths.some((path) => row.dataset.path.startsWith(path));
  keep("folded", folded.map((each) => each.dataset.twist).join("."));
}
