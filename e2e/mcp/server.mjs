// A small Model Context Protocol server: what stands behind the gateway. It knows no tokens.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod';

/** Serves on a port of its own; `seen` has the head of each request that came through. */
export async function serveMcp() {
  const sessions = new Map();
  const seen = [];
  let release = () => {};

  function tools() {
    const server = new McpServer({ name: 'issues', version: '1.0.0' }, { capabilities: { logging: {} } });
    const text = (text) => ({ content: [{ type: 'text', text }] });
    server.registerTool('list_issues', { description: 'Lists issues' }, () => text('no issues'));
    server.registerTool('create_issue', { description: 'Creates an issue', inputSchema: { title: z.string() } },
      ({ title }) => text(`created ${title}`));
    server.registerTool('delete_all', { description: 'Nobody may call this' }, () => text('gone'));
    // Half of the answer comes at once, the rest when the client has said that it has the first.
    server.registerTool('watch_issues', { description: 'Tells of progress' }, async (extra) => {
      const released = new Promise((resolve) => (release = resolve));
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: extra._meta?.progressToken, progress: 1, total: 2 },
      });
      await released;
      return text('done');
    });
    return server;
  }

  async function transportOf(request) {
    const known = sessions.get(request.headers['mcp-session-id']);
    if (known) return known.transport;
    const server = tools();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => sessions.set(id, { transport, server }),
      onsessionclosed: (id) => sessions.delete(id),
    });
    await server.connect(transport);
    return transport;
  }

  const http = createServer(async (request, response) => {
    seen.push({ method: request.method, headers: request.headers });
    const id = request.headers['mcp-session-id'];
    if (id && !sessions.has(id)) return response.writeHead(404).end('no such session');
    await (await transportOf(request)).handleRequest(request, response);
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: http.address().port,
    seen,
    sessions,
    release: () => release(),
    /** Says something on every open stream that belongs to no request. */
    announce: () => Promise.all([...sessions.values()].map(({ server }) => server.sendToolListChanged())),
    stop: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}
