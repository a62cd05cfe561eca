// A service that trusts an issuer: it verifies Bearer tokens off-line, with the
// keys that the issuer publishes, and answers with their claims.
import { webcrypto } from "node:crypto";
import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

globalThis.crypto ??= webcrypto; // Node 18 lacks it

const { ISSUER, AUDIENCE, PORT = "0" } = process.env;
if (!ISSUER || !AUDIENCE) throw new Error("ISSUER and AUDIENCE are wanted");

// The issuer's metadata (RFC 8414) says where its keys are.
const { origin, pathname } = new URL(ISSUER);
const url = `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, "")}`;
const answer = await fetch(url);
if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`);
const metadata = await answer.json();
if (metadata.issuer !== ISSUER) throw new Error(`metadata of ${ISSUER} is of the issuer ${metadata.issuer}`);

// A token whose key we do not know makes us ask again, at most once a second.
// Every five minutes we ask anyway, so that a revoked key is forgotten; if that
// fails the old keys stay.
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cacheMaxAge: Infinity, cooldownDuration: 1_000 });
await keys.reload();
setInterval(() => keys.reload().catch((error) => console.error(error.message)), 300_000);

const expected = {
  issuer: ISSUER,
  audience: AUDIENCE,
  typ: "at+jwt", // an access token (RFC 9068), and no other kind of token
  algorithms: ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"],
  requiredClaims: ["exp", "sub"],
};

const server = createServer(async (request, response) => {
  const [scheme, token = ""] = (request.headers.authorization ?? "").split(" ", 2);
  if (scheme.toLowerCase() !== "bearer") {
    response.writeHead(401, { "WWW-Authenticate": "Bearer" }).end("a Bearer token is wanted\n");
    return;
  }
  try {
    const { payload } = await jwtVerify(token, keys, expected);
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(payload) + "\n");
  } catch (error) {
    console.error(error.message);
    if (isUnavailable(error)) response.writeHead(503).end("cannot verify tokens now\n");
    else response.writeHead(401, { "WWW-Authenticate": 'Bearer error="invalid_token"' }).end("invalid token\n");
  }
});

// isUnavailable tells an issuer out of reach from a token that is not valid.
function isUnavailable(error) {
  return !(error instanceof errors.JOSEError) || ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"].includes(error.code);
}

server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
