import { getToken, say } from "./token.js";

const frame = document.getElementById("editor");
const { server, workflowId } = frame.dataset;
const { connectFrame } = await import(`${server}/embed/workflow-frame.js`);
frame.addEventListener("saved", () => say("Saved"));
frame.addEventListener("published", ({ detail }) => say(`Published version ${detail.version}`));
frame.addEventListener("error", ({ detail }) => say(detail.message));
const accent = matchMedia("(prefers-color-scheme: dark)").matches ? "#f0a070" : "#8a3b12";
connectFrame(frame, { getToken, workflowId, variables: { "--wk-accent": accent, "--wk-radius": "5px" } });
