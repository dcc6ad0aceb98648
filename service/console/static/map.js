// Pointing at a county hints at it in the table and on the map; a click or a key chooses it.
import { mark, select } from "./selection.js";

const overview = document.getElementById("counties");

export function watch() {
  if (!overview) return;
  for (const name of ["pointerover", "focusin"]) overview.addEventListener(name, (event) => hint(countyOf(event)));
  for (const name of ["pointerleave", "focusout"]) overview.addEventListener(name, () => hint(null));
  overview.addEventListener("click", (event) => {
    const code = countyOf(event);
    if (code) select(code);
  });
  overview.addEventListener("keydown", (event) => {
    const place = event.target.closest(".place");
    if (!place || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    select(place.dataset.county);
  });
  document.addEventListener("htmx:after:swap", mark);
  mark();
}

function countyOf(event) {
  return event.target.closest("[data-county]")?.dataset.county ?? null;
}

function hint(code) {
  for (const item of overview.querySelectorAll("[data-county]")) {
    item.classList.toggle("hinted", item.dataset.county === code);
  }
}
