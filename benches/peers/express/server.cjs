// Express behind express-oauth2-jwt-bearer, or alone when BENCH_MODE is "bare".
//
// Like the Rust servers: told the issuer and the resource, prints its port, ends with its input.
"use strict";

const express = require("express");
const { auth } = require("express-oauth2-jwt-bearer");

const [issuer, resource] = process.argv.slice(2);
const app = express();
app.disable("x-powered-by");
if (process.env.BENCH_MODE !== "bare") app.use(auth({ issuerBaseURL: issuer, audience: resource }));
app.get("/", (_request, response) => response.end("ok"));

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
