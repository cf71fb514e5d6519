"""Drives the official Python client; the test that started it is its user and its judge.

Each line on standard output is an object: `authorize` asks the test for the redirect that follows,
as a line on standard input; the last one has what came of every step.
"""

import asyncio
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

from mcp import Client, MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

URL, ISSUER, REDIRECT_URI = (os.environ[name] for name in ("URL", "ISSUER", "REDIRECT_URI"))


def say(**what):
    print(json.dumps(what), flush=True)


class Storage:
    tokens = None
    client = OAuthClientInformationFull(
        client_id="agent", redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none", issuer=ISSUER
    )

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


async def redirect(url):
    say(authorize=url)


async def redirected():
    line = await asyncio.to_thread(sys.stdin.readline)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(line.strip()).query).items()}
    return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


async def main():
    auth = OAuthClientProvider(
        server_url=URL,
        client_metadata=OAuthClientMetadata(
            redirect_uris=[REDIRECT_URI], grant_types=["authorization_code"], token_endpoint_auth_method="none"
        ),
        storage=Storage(),
        redirect_handler=redirect,
        callback_handler=redirected,
    )
    results = {}

    async def call(client, tool, **arguments):
        result = await client.call_tool(tool, arguments)
        results[tool] = result.content[0].text

    async def progress(done, total, message):
        say(progress=done)

    async with create_mcp_http_client(auth=auth) as http:
        async with Client(streamable_http_client(URL, http_client=http)) as client:
            results["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            await call(client, "list_issues")
            result = await client.call_tool("watch_issues", {}, progress_callback=progress)
            results["watch_issues"] = result.content[0].text
            await call(client, "create_issue", title="a leak")
            try:
                await call(client, "delete_all")
            except MCPError as refused:
                results["delete_all"] = f"refused: {refused}"
    say(results=results)


asyncio.run(main())
