// What a frame costs inside the server, without the kernel: `polyhub-bench [--frames N]`.
// Fails when a forwarded frame allocates. Absolute figures are the machine's; compare within one run.

import CAllocationCounter
import Policy

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

let frames = CommandLine.arguments.count == 3 ? Int(CommandLine.arguments[2]) ?? 0 : 1_000_000
guard frames >= 1000, [1, 3].contains(CommandLine.arguments.count) else {
    print("usage: polyhub-bench [--frames N], with N of 1000 or more")
    exit(2)
}
guard polyhub_counts_allocations() == 1 else {
    print("polyhub-bench: allocations cannot be counted on this system; Linux with glibc is needed")
    exit(1)
}

let (table, two, layer) = (TableBench(), CrossingBench(), LayerBench())
var results = [
    measure("forwarding table: look-up", frames, table.lookUp),
    measure("forwarding table: learn", frames, table.learn),
    measure("switch: unicast on one lane", frames, SwitchBench(.bridge).forward),
    measure(
        "switch: the same from a layer-2 client", frames,
        SwitchBench(.client(.standard, owner: 1)).forward),
    measure(
        "switch: the same from a layer-3 client", frames,
        SwitchBench(.converted(.standard, owner: 1)).forward),
    measure("switch: unicast to another lane, both sides", frames, two.forward),
    measure("layer converter: lift and lower", frames, layer.liftAndLower),
]
for cipher in PathBench.ciphers {
    let bench = try PathBench(cipher)
    results.append(measure("\(cipher.rawValue), 1400 octets: a client seals", frames / 4, bench.sealAlone))
    results.append(measure("\(cipher.rawValue): the same, then open, hub, seal", frames / 4, bench.forward))
}
let moduleFrames = frames / 16
let module = try ModuleBench(packets: moduleFrames * 6)
results.append(measure("OpenVPN module: from the hub to a client", moduleFrames, module.transmit))
results.append(measure("OpenVPN module: from a client to the hub", moduleFrames, module.receive))

print("step".padded(48) + "ns a frame".padded(12) + "allocations")
for result in results {
    print(result.name.padded(48) + result.nanoseconds.padded(12) + "\(result.allocations)")
}
let failed = results.filter { $0.allocations > 0 }
if !failed.isEmpty {
    print("polyhub-bench: a forwarded frame allocates: \(failed.map(\.name).joined(separator: "; "))")
    exit(1)
}
