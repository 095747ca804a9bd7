/** What is said of a machine and its network: on made-up trees of /sys, as drivers are known to write them, and on this machine's own. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { networkInterfaces, tmpdir } from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { loadWarnings, machineWarnings } from "../../bench/suite/about/doubts.ts"
import { aboutInterface, type Interfaces } from "../../bench/suite/about/interface.ts"
import { aboutNode, nodeName } from "../../bench/suite/about/node.ts"
import { slurmVersion } from "../../bench/suite/about/slurm.ts"
import { readCount, readText } from "../../bench/suite/about/sys.ts"
import { interfaceWords, nodeLines } from "../../bench/suite/about/words.ts"
import { collectAbout } from "../../bench/suite/about.ts"
import type { About, InterfaceAbout, NodeAbout } from "../../bench/suite/report.ts"

let sys: string
beforeEach(() => {
  sys = mkdtempSync(path.join(tmpdir(), "about-"))
})
afterEach(() => rmSync(sys, { recursive: true, force: true }))

function put(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(sys, file)), { recursive: true })
    writeFileSync(path.join(sys, file), `${text}\n`)
  }
}

function link(from: string, to: string): void {
  mkdirSync(path.dirname(path.join(sys, from)), { recursive: true })
  mkdirSync(path.join(sys, to), { recursive: true })
  symlinkSync(path.join(sys, to), path.join(sys, from))
}

const at = (name: string, address: string): Interfaces =>
  ({
    lo: [{ address: "127.0.0.1" }],
    [name]: [{ address: "fe80::1" }, { address }],
  }) as unknown as Interfaces // of each address only itself is read

/** An adapter with these ports, and the IPoIB interface of one of them. */
function infiniband(
  driver: string,
  device: string,
  ports: Record<string, string>,
  files: Record<string, string>,
): void {
  const pci = "devices/pci0000:80/0000:80:01.0/0000:81:00.0"
  link("class/net/ib0", `${pci}/net/ib0`)
  link(`${pci}/net/ib0/device`, pci)
  link(`${pci}/driver`, `bus/pci/drivers/${driver}`)
  link(`class/infiniband/${device}`, `${pci}/infiniband/${device}`)
  for (const [port, rate] of Object.entries(ports)) {
    put({ [`${pci}/infiniband/${device}/ports/${port}/rate`]: rate })
    put({ [`${pci}/infiniband/${device}/ports/${port}/link_layer`]: "InfiniBand" })
  }
  put({ [`${pci}/net/ib0/type`]: "32" })
  for (const [file, text] of Object.entries(files)) put({ [`${pci}/net/ib0/${file}`]: text })
}

describe("the interface in use", () => {
  test("IP over InfiniBand on a ConnectX port: driver, mode and the port's rate", () => {
    infiniband("mlx5_core", "mlx5_0", { 1: "100 Gb/sec (4X EDR)" }, { mtu: "2044", mode: "datagram", dev_port: "0" })
    expect(aboutInterface("10.1.0.7", sys, at("ib0", "10.1.0.7"))).toEqual({
      name: "ib0",
      mtu: 2044,
      driver: "mlx5_core",
      kind: "infiniband",
      ipoibMode: "datagram",
      ibRate: "100 Gb/sec (4X EDR)",
    })
  })

  test("of an adapter with two ports the rate is that of the interface's own", () => {
    const ports = { 1: "10 Gb/sec (4X SDR)", 2: "56 Gb/sec (4X FDR)" }
    infiniband("mlx4_core", "mlx4_0", ports, { mtu: "65520", mode: "connected", dev_port: "1", speed: "56000" })
    const found = aboutInterface("10.1.0.7", sys, at("ib0", "10.1.0.7"))
    expect(found).toMatchObject({ mtu: 65520, ipoibMode: "connected", ibRate: "56 Gb/sec (4X FDR)", speedMbit: 56000 })
  })

  test("which port it is is not guessed", () => {
    infiniband("mlx4_core", "mlx4_0", { 1: "10 Gb/sec (4X SDR)", 2: "56 Gb/sec (4X FDR)" }, { mtu: "2044" })
    const found = aboutInterface("10.1.0.7", sys, at("ib0", "10.1.0.7"))
    expect(found).toEqual({ name: "ib0", mtu: 2044, driver: "mlx4_core", kind: "infiniband" })
  })

  test("an adapter for Ethernet, its address with a label", () => {
    link("class/net/eno1", "devices/pci0/net/eno1")
    link("devices/pci0/net/eno1/device", "devices/pci0")
    link("devices/pci0/driver", "bus/pci/drivers/ixgbe")
    put({ "class/net/eno1/type": "1", "class/net/eno1/mtu": "9000", "class/net/eno1/speed": "10000" })
    const found = aboutInterface("192.0.2.1", sys, at("eno1:2", "192.0.2.1"))
    expect(found).toEqual({ name: "eno1", mtu: 9000, speedMbit: 10000, driver: "ixgbe", kind: "ethernet" })
  })

  test.each([
    ["ib0", "1", "virtual", "-1"], // a bridge or veth may be called anything
    ["lo", "772", "loopback", "4294967295"],
    ["tun0", "65534", "virtual", "10"],
  ] as const)("%s of type %s without a device is %s", (name, type, kind, speed) => {
    put({ [`class/net/${name}/type`]: type, [`class/net/${name}/mtu`]: "1500", [`class/net/${name}/speed`]: speed })
    const found = aboutInterface("192.0.2.1", sys, { [name]: at(name, "192.0.2.1")[name]! })
    expect(found).toEqual({ name, mtu: 1500, kind, ...(speed === "10" ? { speedMbit: 10 } : {}) })
  })

  test("nothing is said where no interface has the address, or there is no /sys", () => {
    expect(aboutInterface("192.0.2.9", sys, at("eth0", "192.0.2.1"))).toBeUndefined()
    expect(aboutInterface("192.0.2.1", sys, at("eth0", "192.0.2.1"))).toBeUndefined()
  })

  test.runIf(process.platform === "linux" && networkInterfaces().lo)("this machine's own loopback", () => {
    expect(aboutInterface("127.0.0.1")).toEqual({
      name: "lo",
      mtu: Number(readText("/sys/class/net/lo/mtu")),
      kind: "loopback",
    })
  })
})

test("a file that cannot be read as text of the kernel is an error, not a guess", () => {
  mkdirSync(path.join(sys, "directory"))
  expect(() => readText(path.join(sys, "directory"))).toThrow("EISDIR")
  put({ empty: "", word: "fast", none: "0" })
  expect(readText(path.join(sys, "empty"))).toBeUndefined()
  expect(readCount(path.join(sys, "word"))).toBeUndefined()
  expect(readCount(path.join(sys, "none"))).toBeUndefined()
})

describe("a machine", () => {
  test("says what it has and crosses a connection as JSON", () => {
    put({ "devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave" })
    const node = aboutNode("runner", "n1", "192.0.2.1", sys)
    expect(node).toMatchObject({
      name: "n1",
      role: "runner",
      node: process.version,
      governor: "powersave",
      address: "192.0.2.1",
    })
    expect(node.cores).toBeGreaterThan(0)
    expect(node.memoryMiB).toBeGreaterThan(0)
    expect(node).not.toHaveProperty("interface")
    expect(JSON.parse(JSON.stringify(node))).toEqual(node)
  })

  test("leaves the governor out where there is none, and is called as Slurm calls it", () => {
    expect(aboutNode("parent", "n1", "192.0.2.1", sys)).not.toHaveProperty("governor")
    expect(nodeName({ SLURMD_NODENAME: "n7" })).toBe("n7")
    expect(nodeName({})).not.toBe("")
  })

  test("the version of Slurm is asked of sinfo, and left out where there is no answer", async () => {
    const sinfo = path.join(sys, "sinfo")
    writeFileSync(sinfo, '#!/bin/sh\n[ "$*" = --version ] && echo "slurm-wlm 22.05.8"\n', { mode: 0o755 })
    expect(await slurmVersion(sinfo)).toBe("22.05.8")
    expect(await slurmVersion(path.join(sys, "no-sinfo"))).toBeUndefined()
  })

  test("the parent comes first, and what was put on the wire is kept as it was said", async () => {
    const runner = aboutNode("runner", "n1", "127.0.0.1")
    const known = {
      version: "1.2.3",
      command: "bench",
      address: "127.0.0.1",
      runners: [runner],
    }
    const about = await collectAbout({ backend: "local", tls: true, shaping: "1ms each way" }, known)
    expect(about.nodes.map(({ role }) => role)).toEqual(["parent", "runner"])
    expect(about).toMatchObject({ version: "1.2.3", backend: "local", tls: true, shaping: "1ms each way" })
    expect(about).not.toHaveProperty("slurm")
  })
})

describe("in words", () => {
  const quiet: NodeAbout = {
    name: "n1",
    role: "runner",
    node: "v20.12.0",
    cpu: "Some CPU",
    cores: 8,
    memoryMiB: 4000,
    kernel: "6.1.0",
    load: 0.1,
    address: "10.1.0.7",
  }
  const ib: InterfaceAbout = { name: "ib0", mtu: 4092, kind: "infiniband", driver: "mlx5_core", ipoibMode: "datagram" }
  const said = (nodes: NodeAbout[], rest: Partial<About> = {}) =>
    machineWarnings({ version: "1", date: "", command: "", backend: "slurm", tls: true, nodes, ...rest })
  const on = (wire: Partial<InterfaceAbout>, node: Partial<NodeAbout> = {}): NodeAbout => ({
    ...quiet,
    ...node,
    interface: { ...ib, ...wire },
  })

  test("an idle machine on a fabric is not doubted", () => {
    expect(said([quiet, on({})])).toEqual([])
    expect(said([on({}, { governor: "performance" })])).toEqual([])
  })

  test.each<[Partial<NodeAbout>, RegExp]>([
    [{ load: 4.1 }, /^n1 \(runner\) is busy: a load of 4\.1 on 8 cores/],
    [{ governor: "powersave" }, /CPU governor powersave/],
    [{ cores: 1 }, /has 1 core/],
  ])("%j", (node, words) => {
    expect(said([on({}, node)])).toEqual([expect.stringMatching(words)])
  })

  test("a load of half the cores is not busy yet", () => {
    expect(said([on({}, { load: 4 })])).toEqual([])
  })

  test("a machine that became busy is told at the end, once, and not for what the suite itself does", () => {
    const parent: NodeAbout = { ...quiet, role: "parent" }
    const late = (load: number, node = parent) =>
      loadWarnings({ version: "1", date: "", command: "", backend: "local", tls: true, nodes: [node] }, load, 3)
    expect(late(7)).toEqual([])
    expect(late(7.5)).toEqual([expect.stringMatching(/^n1 \(parent\) became busy .* load of 7\.5 on 8 cores/)])
    expect(late(7.5, { ...parent, load: 5 })).toEqual([])
  })

  test("loopback and virtual networks are no fabric, and it is said once", () => {
    const node = on({ kind: "virtual", name: "eth7" })
    expect(said([node, node])).toEqual([
      expect.stringContaining("this is no fabric (eth7 is virtual): read the ratios"),
    ])
  })

  test("connected mode is only proposed to drivers that have it", () => {
    const mlx5 = said([on({ mtu: 2044 })])
    expect(mlx5).toEqual([expect.stringContaining("4092")])
    expect(mlx5[0]).not.toContain("65520")
    expect(said([on({ mtu: 2044, driver: "mlx4_core" })])).toEqual([expect.stringContaining("65520")])
  })

  test("one end that is not on InfiniBand", () => {
    expect(said([on({}), on({ kind: "ethernet", name: "eth0" })])).toEqual([
      expect.stringContaining("SLURM_FLAME_HOST"),
    ])
  })

  test("a line for each machine", () => {
    expect(interfaceWords({ ...ib, ibRate: "100 Gb/sec (4X EDR)" })).toBe(
      "ib0 (InfiniBand, 100 Gb/sec (4X EDR), mlx5_core, datagram, MTU 4092)",
    )
    expect(nodeLines(on({ kind: "ethernet", speedMbit: 1000 }, { governor: "powersave" }))).toEqual([
      "runner n1: 8 cores of Some CPU, 4000 MiB, kernel 6.1.0, Node v20.12.0, governor powersave, load 0.1",
      "  10.1.0.7 on ib0 (ethernet, 1000 Mbit/s, mlx5_core, datagram, MTU 4092)",
    ])
  })
})
