// Asks where a referral stands, as a focal point's own program would: `node read-status.js ADDRESS TOKEN REFERENCE`.
// `contract.d.ts` is generated from the contract, so a change that breaks clients breaks the compilation of this file.

import createClient from "openapi-fetch";
import type { paths } from "./contract.js";

const [address, token, reference] = process.argv.slice(2);
if (!address || !token || !reference) {
  throw new Error("an address, an access token and a reference are needed");
}

const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${token}` } });
const { data, error } = await client.GET("/v1/referrals/{reference}/status", { params: { path: { reference } } });

if (data) {
  console.log(`${data.reference} ${data.status}`);
} else {
  console.log(`${error.status} ${error.code}`);
  process.exitCode = 1;
}
