// The session has ended while somebody was at work (webmail spec 13.1): a panel over the page asks for the password.
// Whoever comes back goes on where they were: what was to be done is done then, and writing windows save again.
// Somebody else gets a page of their own, never this one.

import { Problem, parse, words } from "./client.js";

const { account, username, mailspace } = document.body.dataset;
let asking = null, refused = false;

/**
 * Resolves when the same person has signed in again; everybody who needs it waits for the one panel. What only tries
 * by itself (`again: false`) does not put the panel up once more after that was put off.
 */
export async function signIn({ again = true } = {}) {
  if (!asking && refused && !again) throw new Problem(words.signed_out);
  return (asking ??= open().finally(() => { asking = null; }));
}

async function open() {
  const dialog = parse(await (await fetch("/sign-in/", { headers: { "X-Mailstead": "1" } })).text()).querySelector("dialog");
  document.querySelector("#sign-in-panel")?.remove();
  document.body.append(dialog);
  const form = dialog.querySelector("form"), name = form.elements.username;
  name.value = username ?? "";
  dialog.showModal();
  form.elements.password.focus();
  return new Promise((resolve, reject) => {
    let back = false;
    dialog.addEventListener("close", () => { dialog.remove(); refused = !back; reject(new Problem(words.signed_out)); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button:not([type=button])");
      button.disabled = true;
      try {
        const said = await send(form);
        if (said.account !== account) { location.assign("/mail/inbox/"); return; }
        for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = said.token;
        back = true;
        resolve();
        dialog.close();
        dispatchEvent(new Event("focus"));  // windows that could not save try again
        document.dispatchEvent(new CustomEvent("mail:stale"));
      } catch (problem) {
        const error = dialog.querySelector("[data-error]");
        error.textContent = problem.message;
        error.hidden = false;
        form.elements.password.value = "";
        form.elements.password.focus();
      } finally {
        button.disabled = false;
      }
    });
  });
}

async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  body.set("mailspace", mailspace);
  let answer, said = {};
  try {
    answer = await fetch(form.action, { method: "POST", body, headers: { "X-Mailstead": "1" } });
    said = await answer.json();
  } catch {
    throw new Problem(navigator.onLine ? words.failed : words.offline);
  }
  if (!answer.ok) throw new Problem(said.text || words.failed);
  return said;
}
