import { getToken, say } from "./token.js";

const WORDS = { approved: "It is taken back.", rejected: "It is not taken back." };

const approvals = document.getElementById("editor");
// Where others have to decide, too, it is still open.
approvals.addEventListener("decided", ({ detail }) => say(WORDS[detail.status] ?? "Your decision is kept."));
approvals.addEventListener("error", ({ detail }) => say(detail.message));
approvals.getToken = () => getToken("/approvals-token");
