import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./shell/App";
import { startLanguage } from "./shell/language";
import { reportCaught } from "./shell/later";
import { startTheme } from "./shell/theme";
import "./shell/styles/index.css";

startTheme();
const container = document.getElementById("root");
if (container !== null)
  void startLanguage().then(() =>
    createRoot(container, { onCaughtError: reportCaught }).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
