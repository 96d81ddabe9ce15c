import type { Arrangement } from "./arrange";
import { arrange } from "./arrange";

addEventListener("message", (event: MessageEvent<Arrangement>) => {
  postMessage(arrange(event.data));
});
