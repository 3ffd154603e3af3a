package natalog.bench;

/** Between bytes and records: two implementations, of which the benchmark takes the faster. */
interface Codec {
    /** The command in an intake value, its content hashed. */
    Command read(byte[] value);

    /** The value of a ledger entry. {@code otherKey} is null unless the record lay under a key it does not demand. */
    byte[] entry(
            long seq,
            byte[] prev,
            long offset,
            long receivedAt,
            Decision decision,
            byte[] otherKey,
            Command command,
            byte[] input);
}
