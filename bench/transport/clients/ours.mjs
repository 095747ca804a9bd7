/** slurm-flame through its public API: one leased runner on this machine. */
import * as flame from "slurm-flame"

/** @param spec `tls` and `transfer`: both may be missing in this version, see `available` in peers.mjs */
export async function openOurs({ tls = true, transfer = false }) {
  const pool = flame.createPool({
    module: new URL("../servers/module.mjs", import.meta.url),
    max: 1,
    maxConcurrency: 20_000,
    heartbeat: "1m", // an idle peer sends nothing while another is measured
    ...(tls ? {} : { tls: false }),
  })
  const r = await pool.spawn()
  const give = transfer ? array => flame.transfer(array, [array.buffer]) : array => array
  const small = () => r.api.add(1, 2)
  return {
    small,
    smallBeside: small,
    transfers: transfer,
    echo: array => (transfer ? r.api.echoTransferred(give(array)) : r.api.echo(array)),
    sink: array => r.api.sink(give(array)),
    source: () => (transfer ? r.api.sourceTransferred() : r.api.source()),
    rows: value => r.api.echo(value),
    ask: (command, argument) => r.api[command](argument),
    close: () => pool.close(),
  }
}
