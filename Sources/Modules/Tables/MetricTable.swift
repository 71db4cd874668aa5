import PluginABI

/// `pa.metric/1`, the host's side.
enum MetricTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_metric_host_v1(
            size: UInt32(MemoryLayout<pa_metric_host_v1>.size), reserved: 0,
            declare: { host, name, kind, help, metric in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let name = unsafe text(name), let metric = unsafe metric,
                    kind == PA_METRIC_COUNTER || kind == PA_METRIC_GAUGE,
                    let number = instance.metrics.declare(
                        .init(name: name, kind: kind, help: unsafe text(help) ?? ""))
                else { return PA_ERROR_ARGUMENT }
                unsafe metric.pointee = number
                return PA_OK
            },
            add: { lane, metric, amount in
                guard let lane = unsafe ModuleLane.current(lane), metric < lane.metrics.count else { return }
                lane.metrics[Int(metric)] &+= amount
            }))
}
