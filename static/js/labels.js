// Labels of the left column: made, renamed, coloured, removed. Loaded when the page has nothing else to do.

import { openMenuAt } from "./components.js";
import { getHtml, go, markCurrent, post, say, view, words } from "./client.js";
import { confirmed, remember, undo } from "./actions.js";
import { toast } from "./toast.js";

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
  if (said.action) remember(said.action);
  await refreshSidebar();
  toast(said.text, { actions: said.action ? [{ text: words.undo, run: () => undo().then(refreshSidebar) }] : [] });
  if (url.endsWith("/remove/") && view().box?.startsWith("label/")) go(said.url);
  return said;
}

async function refreshSidebar() {
  const page = new DOMParser().parseFromString(await getHtml(location.href, { how: "page" }), "text/html");
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
