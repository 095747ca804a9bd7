// Says who and where it is, and repeats what it is told until it is told to exit. For the tests of the harness itself.
import { createInterface } from "node:readline"

const say = (event, fields) => console.log(JSON.stringify({ event, ...fields }))

console.log("{ not an event")
console.error("a line on stderr")
say("hello", { uid: process.getuid(), cwd: process.cwd(), args: process.argv.slice(2), env: Object.keys(process.env) })
for await (const line of createInterface({ input: process.stdin })) {
  const { exit, ...rest } = JSON.parse(line)
  if (exit !== undefined) process.exit(exit)
  say("echo", rest)
}
