import FuzzTargets
import Glibc

/// libFuzzer's entry (compiler-rt, `fuzzer_no_main`).
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// fuzz TARGET [libFuzzer's arguments]; without arguments the targets, one a line.
guard CommandLine.arguments.count > 1 else {
    for target in FuzzTarget.all { print(target.name) }
    exit(0)
}
guard let chosen = FuzzTarget.named(CommandLine.arguments[1]) else {
    print("fuzz: no target is called \(CommandLine.arguments[1])")
    exit(2)
}
let target = chosen

var count = CommandLine.argc - 1
var arguments = CommandLine.unsafeArgv + 1
arguments[0] = CommandLine.unsafeArgv[0]
exit(
    runFuzzer(&count, &arguments) { start, count in
        target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    })
