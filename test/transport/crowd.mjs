/**
 * A crowd of sockets that say nothing: `node crowd.mjs HOST PORT`. Opens as many more as each line of stdin says, and answers
 * with a line when they are connected. Keeps what it has.
 */
import { connect } from "node:net"
import { createInterface } from "node:readline"

const [host, port] = [process.argv[2], Number(process.argv[3])]

for await (const line of createInterface({ input: process.stdin })) {
  const wave = Array.from({ length: Number(line) }, () => {
    const socket = connect(port, host)
    // One that is dropped at once may never have noticed that it was connected.
    return new Promise(resolve => socket.once("connect", resolve).once("error", resolve).once("close", resolve))
  })
  await Promise.all(wave)
  process.stdout.write("here\n")
}
