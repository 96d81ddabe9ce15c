import type { NodeProps } from "@xyflow/react";
import { memo } from "react";
import type { Group } from "../document/groups";
import { changeGroup } from "../document/groups";
import { useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import type { FrameNode as FrameFlowNode } from "./flow";
import { t } from "../locale/locale";

/** The frame around a group: its steps are moved by its upper edge, where its name stands. */
export const FrameNode = memo(function FrameNode({ data }: NodeProps<FrameFlowNode>): React.JSX.Element {
  const { store } = useEditorContext();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const { id, name } = data;
  const { edit, settleEdit } = store.getState();
  const change = (next: (group: Group) => Group | undefined, label: string, mergeKey?: string): void =>
    edit((document) => changeGroup(document, scope, id, next), label, mergeKey);
  return (
    <div className="frame" data-testid={`group-${id}`}>
      <div className="frame-head">
        <input
          className="frame-name nodrag nopan"
          aria-label={t("Name of the group")}
          readOnly={isReadOnly}
          value={name}
          onBlur={settleEdit}
          onChange={({ target }) => change((group) => ({ ...group, name: target.value }), t("rename a group"), id)}
        />
        {!isReadOnly && (
          <IconButton
            icon="x"
            label={t("Ungroup")}
            className="small nodrag"
            onClick={() => change(() => undefined, t("ungroup"))}
          />
        )}
      </div>
    </div>
  );
});
