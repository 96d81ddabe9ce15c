export function EditorPage({ workflowId }: { readonly workflowId: string }): React.JSX.Element {
  return <main className="page">{workflowId}</main>;
}
