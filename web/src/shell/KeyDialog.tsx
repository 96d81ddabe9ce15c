import { useState } from "react";
import { useSession } from "../api/session";
import { Button } from "./ui/Button";
import { Dialog } from "./ui/Dialog";

/** Asks for an API key, where the server wants one. It stays in this browser tab. */
export function KeyDialog(): React.JSX.Element {
  const setKey = useSession((session) => session.setKey);
  const [key, changeKey] = useState("");
  return (
    <Dialog title="API key" size="small" onClose={() => useSession.setState({ isKeyWanted: false })}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== "") setKey(key.trim());
        }}
      >
        <p>This server asks for an API key. It is kept in this tab until you close it.</p>
        <label className="field">
          <span className="field-label">Key</span>
          <input
            className="input"
            type="password"
            autoComplete="off"
            placeholder="wk_…"
            value={key}
            onChange={(event) => changeKey(event.target.value)}
          />
        </label>
        <Button look="primary" disabled={key.trim() === ""} onClick={() => setKey(key.trim())}>
          Use this key
        </Button>
      </form>
    </Dialog>
  );
}
