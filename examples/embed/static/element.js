import { getToken, say } from "./token.js";

const editor = document.getElementById("editor");
editor.addEventListener("saved", () => say("Saved"));
editor.addEventListener("published", ({ detail }) => say(`Published version ${detail.version}`));
editor.addEventListener("error", ({ detail }) => say(detail.message));
editor.getToken = getToken;
