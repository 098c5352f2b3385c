// A receipt somebody asks for: answered in place with one of its two buttons, or by itself (static/js/conversation.js
// calls when the message is read and the reader always sends them). Comes with its first use.

import { post } from "./client.js";
import { toast } from "./toast.js";

export async function settle(form, button) {
  const fields = new URLSearchParams([...new FormData(form, button)].filter(([name]) => name !== "csrfmiddlewaretoken"));
  if (!button) fields.set("do", "always");
  form.inert = true;
  try {
    const said = await post(form.getAttribute("action"), fields);
    form.remove();
    if (said.text) toast(said.text);
  } catch (problem) {
    form.inert = false;
    throw problem;
  }
}
