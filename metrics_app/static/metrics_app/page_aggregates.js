// Learns from the page of the aggregates that its project adds to ours: {% aggregates_table %} writes them.

import { learn } from "./aggregates.js";

const told = document.getElementById("aggregates");
if (told) learn(JSON.parse(told.textContent));
