/**
 * Addresses of this machine. `SLURM_FLAME_HOST` usually comes from `ip … | awk … | cut …`, which may print nothing, or several
 * lines, or more than addresses: every such case gets its own words here, for the parent and for the runner alike.
 */
import { isIP, SocketAddress } from "node:net"
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

/** fe80::/10: the same on every link, so that a name of an interface has to go with it. */
const LINK_LOCAL = /^fe[89ab]/i

const HINT = "ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1"

/** The addresses of `name`, IPv4 first; empty when there is no such interface or it has none. */
export function addressesOf(name: string): string[] {
  const all = networkInterfaces()[name] ?? []
  return [...all]
    .filter(a => !LINK_LOCAL.test(a.address))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(a => a.address)
}

/** Every interface with its addresses, for messages: `lo 127.0.0.1, eth0 10.0.0.5`. */
export function describeInterfaces(): string {
  const named = Object.keys(networkInterfaces()).map(name => [name, ...addressesOf(name)])
  const parts = named.filter(({ length }) => length > 1).map(words => words.join(" ")) // others have a link-local one at most
  return parts.length > 0 ? parts.join(", ") : "none"
}

/** What a list of addresses comes to on this machine. */
export interface OwnAddresses {
  /** In the order of the list, each once, as the kernel writes it. At least one, unless none will do as well. */
  readonly addresses: readonly string[]
  /** What was left out, and why: to be warned of. */
  readonly missing: readonly HostError[]
}

/**
 * Reads addresses of this machine, separated by commas or blanks (lines, too: an interface may have several). What is no
 * address at all is refused. An address that this machine does not have is left out, as long as it has another of them.
 * @param source What to blame: `SLURM_FLAME_HOST`, `SLURM_FLAME_HOST in the job script`, …
 * @param least 0: that none is left is no error either. (Node does not know the addresses of an interface whose cable is cut.)
 * @throws HostError that says what is wrong and what to do
 */
export function checkAddresses(text: string, source: string, least: 0 | 1 = 1): OwnAddresses {
  const words = text.split(/[\s,]+/).filter(word => word !== "")
  if (words.length === 0) {
    throw new HostError(`${source} is empty`, {
      hint: `if it is set by \`${HINT}\`, that printed nothing on ${machine()}: it has these interfaces: ${describeInterfaces()}`,
    })
  }
  const list = [...new Set(words.map(word => readAddress(word, source, words.length)))]
  const foreign = list.filter(address => !isOwn(address))
  const notOurs = (addresses: readonly string[]) =>
    new HostError(
      list.length === 1
        ? `${source} is ${list[0]}, which is not an address of this machine (${machine()}), or of an interface that is down`
        : `${source} names ${addresses.join(", ")}: not of this machine (${machine()}), or of an interface that is down`,
      { hint: `it has: ${describeInterfaces()}` },
    )
  if (list.length - foreign.length < least) throw notOurs(foreign)
  return { addresses: list.filter(isOwn), missing: foreign.length > 0 ? [notOurs(foreign)] : [] }
}

/** One word as an address, in the kernel's spelling. @throws HostError */
function readAddress(word: string, source: string, words: number): string {
  const what = words === 1 ? `${source} is` : `${source} holds ${words} words, one of which is`
  if (isIP(word) === 0) {
    const bare = word.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/\/\d+$/, "")
    throw new HostError(`${what} not an IP address: "${word.slice(0, 60)}"`, {
      hint: isIP(bare)
        ? `give the address alone: ${bare}${word.includes("/") ? " (`cut -d/ -f1` leaves out the length of the network)" : ""}`
        : `give the address of an interface, not a name; this machine (${machine()}) has: ${describeInterfaces()}`,
    })
  }
  if (word === "0.0.0.0" || word === "::") {
    throw new HostError(`${what} ${word}: that would listen on every network of this machine`, {
      hint: `choose from: ${describeInterfaces()}`,
    })
  }
  if (LINK_LOCAL.test(word) || word.includes("%")) {
    throw new HostError(`${what} ${word}, a link-local address: only this machine knows which link it is on`, {
      hint: `the runner would need the name of its own interface with it; take one of: ${describeInterfaces()}`,
    })
  }
  return isIP(word) === 6 ? new SocketAddress({ address: word, family: "ipv6" }).address : word
}

function isOwn(address: string): boolean {
  if (address.startsWith("127.")) return true // all of 127/8 is this machine's, listed or not
  return Object.values(networkInterfaces()).some(list => list?.some(a => a.address === address))
}

function machine(): string {
  return process.env.SLURMD_NODENAME ?? hostname()
}
