/** The type under which the palette gives a kind to drag. */
export const KIND_MEDIA_TYPE = "application/x-workflowkit-kind";
