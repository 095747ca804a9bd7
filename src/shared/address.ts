/**
 * Addresses of this machine. `SLURM_FLAME_HOST` usually comes from `ip … | awk … | cut …`, which may print nothing or two
 * lines: every such case gets its own words here, for the parent and for the runner alike.
 */
import { isIP } from "node:net"
import { hostname, networkInterfaces } from "node:os"
import { HostError } from "./errors.ts"

/** Where somebody listens. */
export interface Endpoint {
  /** An IP address; one of IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** `10.0.0.1:4000`, `[fd00::1]:4000`. */
export function showEndpoint({ host, port }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

const HINT = "ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1"

/** The addresses of `name`, IPv4 first; empty when there is no such interface or it has none. */
export function addressesOf(name: string): string[] {
  const all = networkInterfaces()[name] ?? []
  return [...all]
    .filter(a => !a.address.startsWith("fe80:"))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(a => a.address)
}

/** Every interface with its addresses, for messages: `lo 127.0.0.1, eth0 10.0.0.5`. */
export function describeInterfaces(): string {
  const parts = Object.keys(networkInterfaces()).map(name => `${name} ${addressesOf(name).join(" ")}`)
  return parts.length > 0 ? parts.join(", ") : "none"
}

function isOwn(address: string): boolean {
  if (address.startsWith("127.")) return true // all of 127/8 is this machine's, listed or not
  return Object.values(networkInterfaces()).some(list => list?.some(a => a.address === address))
}

/**
 * Checks that `text` is one address of this machine.
 * @param source What to blame: `SLURM_FLAME_HOST`, `SLURM_FLAME_HOST in the job script`, …
 * @throws HostError that says what is wrong and what to do
 */
export function checkAddress(text: string, source: string): string {
  const address = text.trim()
  if (address === "") {
    throw new HostError(`${source} is empty`, {
      hint: `if it is set by \`${HINT}\`, that printed nothing on ${machine()}: it has these interfaces: ${describeInterfaces()}`,
    })
  }
  const lines = address.split(/\s+/)
  if (lines.length > 1) {
    throw new HostError(`${source} holds ${lines.length} words instead of one address: ${lines.join(" ")}`, {
      hint: "the interface has several addresses: add `| head -n1`, or choose one",
    })
  }
  if (isIP(address) === 0) {
    const bare = address.replace(/\/\d+$/, "")
    throw new HostError(`${source} is not an IP address: "${address.slice(0, 60)}"`, {
      hint: isIP(bare)
        ? `leave out the length of the network: ${bare} (\`cut -d/ -f1\` does that)`
        : `give the address of an interface, not a name; this machine (${machine()}) has: ${describeInterfaces()}`,
    })
  }
  if (address === "0.0.0.0" || address === "::") {
    throw new HostError(`${source} is ${address}: that would listen on every network of this machine`, {
      hint: `choose one of: ${describeInterfaces()}`,
    })
  }
  if (!isOwn(address)) {
    throw new HostError(`${source} is ${address}, which is not an address of this machine (${machine()})`, {
      hint: `it has: ${describeInterfaces()}`,
    })
  }
  return address
}

function machine(): string {
  return process.env.SLURMD_NODENAME ?? hostname()
}
