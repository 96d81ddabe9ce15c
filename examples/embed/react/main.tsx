import { useState } from "react";
import { createRoot } from "react-dom/client";
import { WorkflowEditor } from "workflowkit-react";
import { getToken } from "../static/token.js";

function Desk({ server, workflowId }: { readonly server: string; readonly workflowId: string }): React.JSX.Element {
  const [said, say] = useState("");
  return (
    <>
      <WorkflowEditor
        server={server}
        workflowId={workflowId}
        getToken={getToken}
        onSaved={() => say("Saved")}
        onPublished={({ version }) => say(`Published version ${version}`)}
        onError={({ message }) => say(message)}
      />
      <p id="said" role="status">
        {said}
      </p>
    </>
  );
}

const container = document.getElementById("root");
if (container !== null) {
  const { server = "", workflowId = "" } = container.dataset;
  createRoot(container).render(<Desk server={server} workflowId={workflowId} />);
}
