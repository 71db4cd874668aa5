import CLibFFI
import PluginABI

/// A typed administrative function of a module, called through libffi with the C signature that it declares.
@safe struct ModuleCommand {
    struct Argument {
        let name: String
        let type: UInt32
        let help: String
    }

    let name: String
    let help: String
    let arguments: [Argument]
    let result: UInt32
    private let function: @convention(c) () -> Void

    /// All commands of a module; one that is malformed is left out.
    static func all(_ table: UnsafePointer<pa_command_module_v1>?) -> [ModuleCommand] {
        guard let table = unsafe table, let list = unsafe table.pointee.commands else { return [] }
        return unsafe (0..<Int(table.pointee.count)).compactMap { index in
            guard let raw = unsafe list[index] else { return nil }
            return unsafe ModuleCommand(raw.pointee)
        }
    }

    private init?(_ raw: pa_command_v1) {
        guard unsafe raw.size == MemoryLayout<pa_command_v1>.size, unsafe raw.result <= PA_TYPE_BOOLEAN,
            unsafe raw.argument_count <= UInt32(PA_COMMAND_ARGUMENTS),
            let name = unsafe text(raw.name), let function = unsafe raw.function
        else { return nil }
        var arguments: [Argument] = []
        for index in 0..<Int(unsafe raw.argument_count) {
            guard let argument = unsafe raw.arguments[index]?.pointee,
                let known = unsafe text(argument.name),
                unsafe (PA_TYPE_STRING...PA_TYPE_BOOLEAN).contains(argument.type)
            else { return nil }
            arguments.append(
                Argument(name: known, type: unsafe argument.type, help: unsafe text(argument.help) ?? ""))
        }
        self.name = name
        self.help = unsafe text(raw.help) ?? ""
        self.arguments = arguments
        unsafe result = raw.result
        self.function = function
    }

    /// `profile HUB USER`
    /// What people read who ask what it does.
    var page: String {
        let lines = arguments.map { "    \($0.name)\($0.help.isEmpty ? "" : ": \($0.help)")" }
        return (["\(usage)", "  \(help)"] + lines).joined(separator: "\n")
    }

    var usage: String { ([name] + arguments.map(\.name)).joined(separator: " ") }

    /// [control] Calls it. Wrong arguments are refused before the call.
    /// - Returns: the result as text; empty where there is none.
    func call(_ texts: [String], on instance: ModuleInstance) throws(ModuleFault) -> String {
        guard texts.count == arguments.count else {
            throw .command(
                "\(instance.name) \(name) takes \(arguments.count) arguments, not \(texts.count): \(usage)")
        }
        var values: [CommandValue] = []
        for (text, argument) in zip(texts, arguments) {
            guard let value = CommandValue(text, as: argument.type) else {
                throw .command(
                    "\(instance.name) \(name): \(argument.name) is \"\(text)\"; "
                        + "accepted is \(argument.accepts)"
                )
            }
            values.append(value)
        }
        _ = instance.takeExplanation()
        let answer = try unsafe invoke(values, state: instance.moduleState)
        if let why = instance.takeExplanation() { throw .command("\(instance.name) \(name): \(why)") }
        guard let answer else { throw .command("\(instance.name) \(name) failed and does not say why") }
        return answer
    }

    private func invoke(_ values: [CommandValue], state: UnsafeMutableRawPointer?) throws(ModuleFault)
        -> String?
    {
        let count = values.count + 1
        let types = UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>.allocate(capacity: count)
        let pointers = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: count)
        let storage = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
        defer {
            unsafe types.deallocate()
            unsafe pointers.deallocate()
            unsafe storage.deallocate()
        }
        unsafe types[0] = polyhub_ffi_pointer()
        unsafe storage[0] = UInt64(UInt(bitPattern: state))
        for (index, value) in values.enumerated() {
            unsafe types[index + 1] = Self.type(arguments[index].type)
            unsafe storage[index + 1] = value.bits
        }
        for index in 0..<count { unsafe pointers[index] = UnsafeMutableRawPointer(storage + index) }
        var interface = unsafe ffi_cif()
        let status = unsafe ffi_prep_cif(&interface, FFI_DEFAULT_ABI, UInt32(count), Self.type(result), types)
        guard status == FFI_OK else { throw .command("libffi does not accept the signature of \(name)") }
        // libffi widens small results to a whole register.
        var returned: UInt64 = 0
        unsafe ffi_call(&interface, function, &returned, pointers)
        withExtendedLifetime(values) {}
        return Self.show(returned, as: result)
    }

    private static func type(_ type: UInt32) -> UnsafeMutablePointer<ffi_type>? {
        switch type {
        case PA_TYPE_STRING: unsafe polyhub_ffi_pointer()
        case PA_TYPE_INTEGER: unsafe polyhub_ffi_sint64()
        case PA_TYPE_DOUBLE: unsafe polyhub_ffi_double()
        case PA_TYPE_BOOLEAN: unsafe polyhub_ffi_uint32()
        default: unsafe polyhub_ffi_void()
        }
    }

    private static func show(_ bits: UInt64, as type: UInt32) -> String? {
        switch type {
        case PA_TYPE_STRING:
            unsafe UnsafePointer<CChar>(bitPattern: UInt(bits)).map { unsafe String(cString: $0) }
        case PA_TYPE_INTEGER: String(Int64(bitPattern: bits))
        case PA_TYPE_DOUBLE: String(Double(bitPattern: bits))
        case PA_TYPE_BOOLEAN: UInt32(truncatingIfNeeded: bits) == 0 ? "false" : "true"
        default: ""
        }
    }
}

extension ModuleCommand.Argument {
    /// For people.
    var accepts: String {
        switch type {
        case PA_TYPE_INTEGER: "an integer"
        case PA_TYPE_DOUBLE: "a number"
        case PA_TYPE_BOOLEAN: "true or false"
        default: "a text"
        }
    }
}

/// One argument on its way into C.
private struct CommandValue {
    let bits: UInt64
    /// Keeps the text behind `bits` alive.
    private let text: CText?

    init?(_ text: String, as type: UInt32) {
        switch type {
        case PA_TYPE_STRING:
            let kept = CText(text)
            self.text = kept
            bits = unsafe UInt64(UInt(bitPattern: kept.start))
        case PA_TYPE_INTEGER:
            guard let number = Int64(text) else { return nil }
            self.text = nil
            bits = UInt64(bitPattern: number)
        case PA_TYPE_DOUBLE:
            guard let number = Double(text), number.isFinite else { return nil }
            self.text = nil
            bits = number.bitPattern
        case PA_TYPE_BOOLEAN:
            guard let flag = Bool(text) else { return nil }
            self.text = nil
            bits = flag ? 1 : 0
        default: return nil
        }
    }
}
