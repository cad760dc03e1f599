// The shop works without this file. It adds: steppers, forms that send themselves, and the live order page.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button || button.tagName !== "BUTTON") return;
  const input = button.parentElement.querySelector("input");
  const wanted = Number(input.value || 0) + Number(button.dataset.step);
  input.value = Math.min(Number(input.max), Math.max(Number(input.min), wanted));
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form that is on its way looks busy. It is not locked: sending it twice is harmless, since its key makes it one order.
document.addEventListener("submit", (event) => event.target.querySelector(".button")?.setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy")));

const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  source.addEventListener("state", (event) => {
    live.innerHTML = event.data;
    if (live.querySelector("[data-ended]")) source.close();
  });
}
