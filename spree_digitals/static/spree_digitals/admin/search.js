"use strict";

// Whoever comes to the list of all links has an order number or an e-mail address to type.
if (location.search === "") {
  document.getElementById("searchbar")?.focus();
}
