/** From which of a node's addresses to dial which of the parent's. Pure functions of addresses and networks. */
import { BlockList, isIP } from "node:net"
import type { NetworkInterfaceInfo } from "node:os"

/** As `os.networkInterfaces()` gives them. */
export type Networks = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, "cidr">[] | undefined>>

/**
 * For each of `targets` the address to dial it from; undefined: whatever the route gives. An address is bound for what lies in its own
 * network. One whose network holds none of the targets is for those that lie beyond a router, in no network of this node. A
 * packet with the address of one network that leaves through another is answered over the first, or dropped by a filter, and
 * the connection would fail for a reason that nobody sees.
 * @param from What the user wants to dial from, in order of preference.
 * @param networks Of this node.
 */
export function sourceAddresses(
  targets: readonly string[],
  from: readonly string[],
  networks: Networks,
): readonly (string | undefined)[] {
  const cidrs = Object.values(networks).flatMap(list => list?.flatMap(({ cidr }) => cidr ?? []) ?? [])
  const own = from.map(address => ({ address, cidr: cidrs.find(cidr => cidr.startsWith(`${address}/`)) }))
  const spare = own.filter(({ cidr }) => cidr === undefined || !targets.some(target => holds(cidr, target)))
  return targets.map(target => {
    const near = own.find(({ cidr }) => cidr !== undefined && holds(cidr, target))
    if (near) return near.address
    if (cidrs.some(cidr => holds(cidr, target))) return undefined
    return spare.find(({ address }) => isIP(address) === isIP(target))?.address
  })
}

/** Whether `address` is in the network `10.0.0.5/24`. */
function holds(cidr: string, address: string): boolean {
  const [net = "", length] = cidr.split("/")
  const family = isIP(net) === 6 ? "ipv6" : "ipv4"
  if (isIP(address) !== isIP(net)) return false
  const list = new BlockList()
  list.addSubnet(net, Number(length), family)
  return list.check(address, family)
}
