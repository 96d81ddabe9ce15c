/** Asks this application for a token. The session's cookie says who is asking. */
export async function getToken(path = "/embed-token") {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  if (!response.ok) throw new Error(`no token: status ${response.status}`);
  return (await response.json()).token;
}

/** Shows what was told last. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
