/**
 * The network interface that has the address in use, as the kernel describes it. Owns which files say what; guesses nothing.
 *
 * What a ConnectX port with IP over InfiniBand looks like below /sys, as mlx5 and ib_ipoib make it:
 *
 *     class/net/ib0/type                          32 (ARPHRD_INFINIBAND)
 *     class/net/ib0/mtu                           2044, or 4092 where the subnet's link MTU is 4096, or up to 65520 in connected mode
 *     class/net/ib0/mode                          datagram | connected; not there without CONFIG_INFINIBAND_IPOIB_CM
 *     class/net/ib0/speed                         some drivers give the rate, others EINVAL
 *     class/net/ib0/dev_port                      0 for port 1 of its device
 *     class/net/ib0/device                        -> ../../../0000:81:00.0, the adapter on its bus
 *     class/net/ib0/device/driver                 -> .../bus/pci/drivers/mlx5_core
 *     class/net/ib0/device/infiniband/mlx5_0/     the same adapter as class/infiniband/mlx5_0
 *     class/infiniband/mlx5_0/ports/1/link_layer  InfiniBand (Ethernet for RoCE)
 *     class/infiniband/mlx5_0/ports/1/rate        100 Gb/sec (4X EDR)
 */
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os"
import path from "node:path"
import type { InterfaceAbout } from "../report.ts"
import { linkName, names, readCount, readText } from "./sys.ts"

/** Of /usr/include/linux/if_arp.h. */
const TYPE = { ethernet: "1", infiniband: "32", loopback: "772" }

export type Interfaces = NodeJS.Dict<readonly NetworkInterfaceInfo[]>

/**
 * @param address that is in use there, IPv4 or IPv6
 * @param sys the root of sysfs
 * @returns undefined when no interface has that address, or nothing is known of the one that has (another system than Linux)
 */
export function aboutInterface(
  address: string,
  sys = "/sys",
  interfaces: Interfaces = networkInterfaces(),
): InterfaceAbout | undefined {
  const name = Object.keys(interfaces).find(key => interfaces[key]?.some(one => one.address === bare(address)))
  if (name === undefined) return undefined
  // An address of its own that ifconfig gave with a label (`ib0:1`) belongs to the interface before the colon.
  const interfaceName = name.split(":")[0]!
  const at = path.join(sys, "class/net", interfaceName)
  const mtu = readCount(path.join(at, "mtu"))
  const kind = kindOf(at)
  if (mtu === undefined || kind === undefined) return undefined
  const speedMbit = readCount(path.join(at, "speed"))
  const driver = linkName(path.join(at, "device/driver"))
  const ipoibMode = kind === "infiniband" ? readText(path.join(at, "mode")) : undefined
  const ibRate = kind === "infiniband" ? portRate(at, sys) : undefined
  return {
    name: interfaceName,
    mtu,
    ...(speedMbit === undefined ? {} : { speedMbit }),
    ...(driver === undefined ? {} : { driver }),
    kind,
    ...(ipoibMode === undefined ? {} : { ipoibMode }),
    ...(ibRate === undefined ? {} : { ibRate }),
  }
}

/** Without brackets and zone, as `os.networkInterfaces()` writes it. */
const bare = (address: string): string => address.replace(/^\[|\]$/g, "").replace(/%.*$/, "")

/** A bridge, a bond, a veth and a tunnel have no device below them, whatever type they say they are. */
function kindOf(at: string): InterfaceAbout["kind"] | undefined {
  const type = readText(path.join(at, "type"))
  if (type === undefined) return undefined
  if (type === TYPE.loopback) return "loopback"
  if (type === TYPE.infiniband) return "infiniband"
  return type === TYPE.ethernet && linkName(path.join(at, "device")) !== undefined ? "ethernet" : "virtual"
}

/** Of the port that the interface is on; undefined when the adapter has several and the interface does not say which. */
function portRate(at: string, sys: string): string | undefined {
  const [device] = names(path.join(at, "device/infiniband"))
  if (device === undefined) return undefined
  const ports = path.join(sys, "class/infiniband", device, "ports")
  const all = names(ports)
  // dev_port counts from 0, ports from 1.
  const said = readText(path.join(at, "dev_port"))
  const port = all.length === 1 ? all[0] : all.find(one => said !== undefined && Number(one) === Number(said) + 1)
  return port === undefined ? undefined : readText(path.join(ports, port, "rate"))
}
