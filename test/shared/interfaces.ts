/** What `os.networkInterfaces()` gives, as far as the code looks at it. */
import { isIPv6 } from "node:net"

/** The interfaces of a machine, by name, with their addresses in the kernel's order. */
export function interfaces(addresses: Record<string, string[]>): Record<string, { address: string; family: string }[]> {
  const entry = (address: string) => ({ address, family: isIPv6(address) ? "IPv6" : "IPv4" })
  return Object.fromEntries(Object.entries(addresses).map(([name, list]) => [name, list.map(entry)]))
}
