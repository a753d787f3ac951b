internal import Glibc
internal import Reactor

/// The end of a server: who is being answered is, and nobody else.
extension ServerLoop {
    func drain(deadline: Duration, whenEmpty continuation: CheckedContinuation<Void, Never>) {
        whenEmpty.append(continuation)
        if !isDraining {
            isDraining = true
            // Who got through to the listener already is still served.
            accept()
            if let listener {
                loop.deregister(listener.registration)
                Glibc.close(listener.descriptor)
            }
            listener = nil
            for slot in connections.indices where connections[slot].descriptor >= 0 {
                if connections[slot].stage == .idle { drainIdle(slot) }
            }
            drainChannels()
            _ = loop.schedule(after: deadline) { [weak self] in self?.cutOff() }
        }
        resumeIfEmpty()
    }

    /// A request may have arrived that the loop has not looked at yet.
    private func drainIdle(_ slot: Int) {
        guard receive(slot) else { return }
        serve(slot)
    }

    private func cutOff() {
        for slot in connections.indices { close(slot) }
    }

    func resumeIfEmpty() {
        guard isDraining, open == 0 else { return }
        for continuation in whenEmpty { continuation.resume() }
        whenEmpty = []
    }
}
