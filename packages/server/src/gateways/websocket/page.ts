import { html } from 'hono/html';

/** What a person sees who opens the server's address: how to get in. Names in it are escaped. */
export function welcomePage(host: string) {
  return html`<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width" />
  <title>Confab</title>
  <h1>Confab</h1>
  <p>A chat server. From a terminal:</p>
  <pre>npx confab chat ws://${host}/lobby --user NAME</pre>
  <p>From a program: a WebSocket to <code>ws://${host}/ws</code>, one JSON object in each text frame:</p>
  <pre>{"type":"join","room":"lobby","user":"NAME"}
{"type":"message","text":"Hello"}</pre>
  <ul>
    <li><a href="/api/rooms">Rooms</a></li>
    <li><a href="/metrics">Metrics</a></li>
    <li><a href="/healthz">Health</a>, <a href="/readyz">readiness</a></li>
  </ul>
</html>
`;
}
