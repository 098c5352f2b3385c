// The print view's one script: when all pictures are there, the browser's print dialog. The page reads as well without.

function everyPicture() {
  const shown = [...document.querySelectorAll("[data-mail]")].flatMap((mail) => [...(mail.shadowRoot?.querySelectorAll("img") ?? [])]);
  return Promise.all(shown.map((picture) => picture.decode().catch(() => {})));
}

addEventListener("load", async () => {
  await Promise.race([everyPicture(), new Promise((resolve) => setTimeout(resolve, 3000))]);
  print();
});
