// The pages of the settings: what was changed and not saved is not lost by a click. A form with `data-guard` is
// watched; leaving the page then asks once, in our own dialog where the way is a link of ours.

import { confirmed } from "./actions.js";
import { watchChores } from "./chores.js";
import { say } from "./client.js";
import { showPermission } from "./notify.js";

document.querySelector(".settings-tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

const forms = [...document.querySelectorAll("form[data-guard]")];
const facts = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken").map(([name, value]) => [name, value instanceof File ? value.name : value]));
if (document.querySelector("[data-own-editor]")) await import("./signature.js").then(({ start }) => start()).catch(() => {});
/** What the server sent, whatever was changed before this module came (an editor of ours is filled by its module). */
function sent(form) {
  const copy = form.cloneNode(true);
  if (form.querySelector("[data-own-editor]") || copy.elements.length !== form.elements.length) return facts(form);
  copy.reset();
  return facts(copy);
}
const before = new Map(forms.map((form) => [form, sent(form)]));
let leaving = false;

const changed = (form) => facts(form) !== before.get(form);
const unsaved = () => !leaving && forms.some(changed);

function mark(form) {
  for (const note of form.querySelectorAll("[data-unsaved]")) note.hidden = !changed(form);
}

for (const form of forms) {
  for (const kind of ["input", "change"]) form.addEventListener(kind, () => mark(form));
  form.addEventListener("submit", () => { leaving = true; });
  mark(form);
}

addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
addEventListener("pageshow", () => { leaving = false; forms.forEach(mark); });

// Cancel means it: nobody is asked.
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-discard]")) leaving = true; }, true);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !unsaved() || link.target || link.hasAttribute("download") || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.matches("[data-quick], [data-compose]") || link.origin !== location.origin || (link.pathname === location.pathname && link.hash)) return;
  event.preventDefault();
  event.stopPropagation();
  ask(link.href);
}, true);

async function ask(url) {
  if (!await confirmed(say("leave_settings"), say("leave_settings_button"))) return;
  leaving = true;
  location.assign(url);
}

showPermission();

watchChores(() => !unsaved());
