/**
 * The client's process of one peer: puts every method of it to the contract, closes it, and ends by itself when nothing is left open.
 * Argument: the peer's file; told `{ where }` over its channel, of a server that goes on after it. Says `{ did }` over its channel: what it has asked for and found right.
 */
import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { once } from "node:events"

const SIZES = [0, 1, 64 * 2 ** 10, 5 * 2 ** 20]
const ROWS = Array.from({ length: 100 }, (_, i) => ({ id: i, name: `row ${i}`, value: i * 1.37, ok: i % 2 === 0 }))

const peer = await import(process.argv[2])
const [{ where }] = await once(process, "message")
const client = await peer.connect(where)
const did = []

assert.equal(await client.add(1, 2), 3)
// More than one under way, and each gets its own answer.
const pairs = Array.from({ length: 100 }, (_, i) => [i, i / 3])
assert.deepEqual(await Promise.all(pairs.map(([a, b]) => client.add(a, b))), pairs.map(([a, b]) => a + b)) // biome-ignore format: one line
did.push("add")

const contract = {
  async echo(size) {
    const bytes = randomBytes(size)
    const answer = await client.echo(bytes)
    assert.ok(answer instanceof Uint8Array, `an echo of ${size} B is no Uint8Array`)
    // Not deepEqual: of 5 MiB it would write the difference down.
    assert.equal(Buffer.compare(answer, bytes), 0, `an echo of ${size} B is not what was sent`)
    assert.equal(bytes.length, size, "what was sent is gone")
  },
  async sink(size) {
    assert.equal(await client.sink(randomBytes(size)), size)
  },
  async source(size) {
    // Twice: the second is the one that was kept.
    for (let i = 0; i < 2; i++) {
      const bytes = await client.source(size)
      assert.ok(bytes instanceof Uint8Array, `a source of ${size} B is no Uint8Array`)
      assert.equal(bytes.length, size)
    }
  },
}
for (const [method, check] of Object.entries(contract)) {
  if (!client[method]) continue
  for (const size of SIZES) await check(size)
  did.push(method)
}
if (client.rows) {
  assert.deepEqual(await client.rows(ROWS), ROWS)
  did.push("rows")
}
if (client.slice) {
  for (const method of ["add", "echo", "sink", "source", "both"]) {
    const { us, seconds } = await client.slice({ method, bytes: 1000, inFlight: 3, ms: 20 })
    assert.ok(us instanceof Float64Array && us.length >= 3, `${method}: ${us?.length} calls`)
    assert.ok(us.every(time => time > 0) && seconds > 0)
    // Three at a time, so that together they took no longer than three times the slice.
    assert.ok(us.reduce((sum, time) => sum + time, 0) <= 3 * seconds * 1e6 * 1.01, `${method}: longer than the slice`)
  }
  did.push("slice")
}

await client.close()
process.send({ did }, () => process.disconnect())
