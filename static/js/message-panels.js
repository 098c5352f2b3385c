// What opens about one message and is seldom asked for: why it is here, leaving its list, reporting it, answering an
// invitation. Comes with its first use (js/conversation.js).

import { confirmed, remember, undo } from "./actions.js";
import { getHtml, go, parse, post, reading, view, words } from "./client.js";
import { takeAway } from "./conversation.js";
import { toast } from "./toast.js";

const fieldsOf = (form, button) => new URLSearchParams([...new FormData(form, button)].filter(([name]) => name !== "csrfmiddlewaretoken"));

/** Three sentences below the head; the same link closes them. */
export async function showWhy(message, link) {
  if (message.classList.contains("closed")) return;
  const old = message.querySelector(".why");
  if (old) { old.remove(); return; }
  const { boxId } = reading();
  const panel = parse(await getHtml(`${new URL(link.href).pathname}?${new URLSearchParams(boxId > 0 ? { box: boxId } : {})}`)).querySelector(".why");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button small why-close";
  close.setAttribute("aria-label", words.close);
  close.title = words.close;
  close.innerHTML = '<svg class="icon" width="16" height="16" aria-hidden="true"><use href="#icon-x"></use></svg>';
  close.addEventListener("click", () => { panel.remove(); message.querySelector("[popovertarget]")?.focus(); });
  panel.prepend(close);
  panel.tabIndex = -1;
  message.querySelector(".message-content").prepend(panel);
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
}

/** A correction out of the panel: done, said, undoable, and the view shows what is now. */
export async function correct(form, button) {
  const verb = form.dataset.correct, said = await post(form.getAttribute("action"), fieldsOf(form, button));
  if (verb === "undo") toast(said.text);
  else {
    remember(said.action);
    toast(said.text, { actions: said.action ? [{ text: words.undo, run: undo }] : [] });
  }
  form.closest(".why")?.remove();
  if (view().view === "conversation") go(location.href, { replace: true });
}

export async function unsubscribe(message, link) {
  const page = parse(await getHtml(link.href)), ask = page.querySelector("[data-ask]"), leave = page.querySelector("[data-leave]");
  if (!(await confirmed(ask.textContent, leave.textContent, { danger: false }))) return;
  if (leave.href) { open(leave.href, "_blank", "noopener,noreferrer"); return; }
  toast(words.asking, { stay: 0 });
  const said = await post(new URL(link.href).pathname, {});
  toast(said.text);
  for (const each of message.querySelectorAll("[data-unsubscribe]")) each.remove();
}

export async function phishing(message, button) {
  if (!(await confirmed(words.phishing_ask, words.phishing_button))) return;
  takeAway(message, await post(`/mail/phishing/${button.dataset.phishing}/`, {}));
}

export async function answer(form, button) {
  const card = form.closest("[data-invitation]"), note = card.querySelector("[data-invitation-words]");
  for (const each of form.elements) each.disabled = true;
  try {
    const body = new URLSearchParams({ answer: button.value });
    const said = await post(form.getAttribute("action"), body);
    note.textContent = said.text;
    for (const each of form.querySelectorAll("[name=answer]")) {
      const on = each === button;
      each.classList.toggle("primary", on);
      each.setAttribute("aria-pressed", on);
    }
    card.classList.add("answered");
  } finally {
    for (const each of form.elements) each.disabled = false;
    button.focus();
  }
}
