// Pictures that were held back, and the colours of a message: what is shown in its frame changes by its address.

import { post } from "./client.js";
import { toast } from "./toast.js";

const frameOf = (message) => document.querySelector(`#m-${CSS.escape(message)} iframe.message-frame`);

function change(frame, name, value) {
  const url = new URL(frame.getAttribute("src"), location.href);
  url.searchParams.set(name, value);
  delete frame.dataset.fitted;
  frame.setAttribute("src", url.pathname + url.search);
}

/** "Show" and "Always for …": asked of the server, which gives the word for this message's pictures. */
export async function show(form, button) {
  const frame = frameOf(form.dataset.pictures);
  form.setAttribute("aria-busy", "true");
  try {
    const { pictures } = await post(button?.hasAttribute("formaction") ? button.formAction : form.action, {});
    if (frame) change(frame, "pictures", pictures);
    form.remove();
    frame?.focus({ preventScroll: true });
  } catch (problem) {
    toast(problem);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** The message's own colours, or their dark twins; the choice holds while it is open. */
export function darken(button) {
  const frame = frameOf(button.dataset.darken);
  if (!frame) return;
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", on);
  frame.classList.toggle("darkens", on);
  change(frame, "dark", on ? "1" : "0");
}
