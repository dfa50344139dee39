"use strict";

// Without this file the addresses can be selected; with it, a button puts one on the clipboard.
const announce = document.querySelector(".link-copied-status");

for (const input of document.querySelectorAll(".link-address input")) {
  input.addEventListener("focus", () => input.select());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  // Browsers give the clipboard to pages over HTTPS only.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const input = document.getElementById(button.dataset.copy);
    input.select();
    await navigator.clipboard.writeText(input.value);
    announce.textContent = button.dataset.copied;
  });
}
