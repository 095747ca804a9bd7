/**
 * Erlang's erpc:call between two nodes, each a program of Erlang's: what FLAME on the BEAM runs over. The calls are made and timed in
 * Erlang (`slice`); through this process go only the questions. Nodes find each other by the port, without epmd, which would stay.
 */
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Foreign } from "./lib/foreign.mjs"
import { tryCommand } from "./lib/needs.mjs"

/** From this release on a node may be told its port (`-erl_epmd_port`), and erpc is there. */
const FIRST_RELEASE = 24

export const about = {
  name: "Erlang erpc",
  kind: "wire",
  needs: ["erl", "erlc"],
  how: "erpc:call between two Erlang nodes, from a process for each call in flight; timed in Erlang; plain text with a cookie",
}

export async function missing() {
  const what = 'io:format("~s ~s", [erlang:system_info(otp_release), os:find_executable("erlc") =/= false]), halt().'
  const { output, reason } = await tryCommand("erl", ["-noinput", "-eval", what])
  if (reason) return reason
  const [release, compiler] = output.split(" ")
  if (!(Number(release) >= FIRST_RELEASE)) return `Erlang/OTP ${release} is older than ${FIRST_RELEASE}`
  return compiler === "true" ? undefined : "no command `erlc` beside `erl`"
}

export async function serve({ host }) {
  const where = { node: `flame_peer@${host}`, port: await freePort(host), cookie: randomBytes(24).toString("hex") }
  const address = `{${host.split(".").join(",")}}`
  const { close } = await start("server", where, ["-name", where.node, "-kernel", "inet_dist_use_interface", address])
  return { where, close }
}

export async function connect(where) {
  const name = `flame_peer_client_${process.pid}@127.0.0.1`
  const arguments_ = ["-name", name, "-dist_listen", "false", "-extra", where.node]
  const { program, close } = await start("client", where, arguments_)
  return { ...program.methods, close }
}

/** A folder that is its home: the cookie is a file there, which others cannot read, as they can a command line. */
async function start(role, where, arguments_) {
  const home = await mkdtemp(join(tmpdir(), "flame-erlang-"))
  try {
    await writeFile(join(home, ".erlang.cookie"), where.cookie, { mode: 0o400 })
    const source = fileURLToPath(new URL("./erlang/flame_peer.erl", import.meta.url))
    await promisify(execFile)("erlc", ["-o", home, source], { env: { ...process.env, HOME: home } })
    const { program } = await Foreign.start(
      "erl",
      [
        ...["-noinput", "-start_epmd", "false", "-erl_epmd_port", String(where.port)],
        ...["-pa", home, "-s", "flame_peer", role, ...arguments_],
      ],
      { env: { HOME: home, ERL_CRASH_DUMP_BYTES: "0" } },
    )
    return { program, close: () => program.close() }
  } finally {
    // Once it is ready it has read both files, and whoever is killed later leaves nothing.
    await rm(home, { recursive: true, force: true })
  }
}

async function freePort(host) {
  const server = createServer().listen(0, host)
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}
