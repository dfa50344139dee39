"use strict";

// On a phone each row is a card, without the heads of the columns: every cell bears its own.
const heads = [...document.querySelectorAll("#result_list thead th")].map((head) => head.textContent.trim());
for (const row of document.querySelectorAll("#result_list tbody tr")) {
  [...row.cells].forEach((cell, number) => { cell.dataset.label = heads[number]; });
}
