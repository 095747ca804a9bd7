/**
 * The address of this node for a runner whose job script ran on another. A script of `ip … | awk …` finds the address of the job's
 * first node: on the others it stands for the network that runners are to dial on. Owns that reading of it.
 */
import { BlockList, isIP, isIPv6 } from "node:net"
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os"

/**
 * Puts this node's address on the network of `env[name]` in its place. Where it has none there, the variable goes: then the routes
 * decide. An address of this node's own stays, and so does what is no address: it is told to the parent as any mistake in it.
 * @param interfaces those of this node
 */
export function adoptAddress(
  env: NodeJS.ProcessEnv,
  name: string,
  interfaces: readonly NetworkInterfaceInfo[] = Object.values(networkInterfaces()).flatMap(list => list ?? []),
): void {
  const text = env[name]?.trim()
  if (text === undefined || isIP(text) === 0 || interfaces.some(({ address }) => address === text)) return
  const own = interfaces.find(candidate => sameNetwork(candidate, text))
  if (own) env[name] = own.address
  else delete env[name]
}

function sameNetwork({ family, cidr, address }: NetworkInterfaceInfo, other: string): boolean {
  if ((family === "IPv6") !== isIPv6(other) || cidr === null) return false
  const network = new BlockList()
  const type = family === "IPv6" ? "ipv6" : "ipv4"
  network.addSubnet(address, Number(cidr.split("/")[1]), type)
  return network.check(other, type)
}
