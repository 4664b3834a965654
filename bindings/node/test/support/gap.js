"use strict";

/** Stands for the part of a sentence that the program fills in. */
const GAP = "…";

module.exports = { GAP };
