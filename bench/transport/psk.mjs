/** TLS for the raw wss peer, the way that slurm-flame does it: 1.3 with a pre-shared key, so that the cost is the same. */
const KEY = Buffer.alloc(32, 7)
const common = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" }

/** Options for `https.createServer`. */
export const serverOptions = { ...common, pskCallback: () => KEY }

/** Options for `new WebSocket("wss://…")`. There is no certificate to check: both ends have the key, or no handshake. */
export const clientOptions = {
  ...common,
  pskCallback: () => ({ psk: KEY, identity: "bench" }),
  checkServerIdentity: () => undefined,
}
