/** Server-sent events, taken apart as they arrive. */

/** An event of a stream, and the id with which a client goes on behind it. */
export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id: string;
}

/** Takes the pieces of one stream. `lastId` also follows ids that come without an event. */
export class EventReader {
  lastId: string;
  retryMs: number | undefined;
  private rest = "";

  constructor(lastId = "") {
    this.lastId = lastId;
  }

  /** The events that are complete with this piece. */
  feed(text: string): readonly StreamEvent[] {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => this.read(block.split("\n")));
  }

  private read(lines: readonly string[]): readonly StreamEvent[] {
    let event = "message";
    const data: string[] = [];
    for (const line of lines) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "id") this.lastId = value;
      else if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
    return data.length === 0 ? [] : [{ event, data: JSON.parse(data.join("\n")) as unknown, id: this.lastId }];
  }
}
